import { useTranslation } from 'react-i18next'
import type { State } from '../mesh/state.ts'
import { useActorName } from './actor.ts'
import { whyText } from './why.ts'

/** @returns why something is in its state, with the names of people. */
export function useWhy(why: State['why']): string {
  const { t } = useTranslation()
  const actor = useActorName(why && 'key' in why ? why.values?.name : undefined)
  return whyText(why, t, actor)
}
