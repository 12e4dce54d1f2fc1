import { useSyncExternalStore } from 'react'
import { resumption } from './client.ts'
import type { Session } from './session.ts'

/** @returns the session as it is now; one that has ended stays while its user is asked to sign in again. */
export const useSession = (): Session | undefined => useSyncExternalStore(resumption.subscribe, resumption.session)
