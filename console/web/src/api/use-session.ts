import { useSyncExternalStore } from 'react'
import { sessions } from './client.ts'
import type { Session } from './session.ts'

/** @returns the session as it is now. */
export const useSession = (): Session | undefined => useSyncExternalStore(sessions.subscribe, sessions.current)
