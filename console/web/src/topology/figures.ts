/** Figures of the traffic as words: pure. */
import type { TFunction } from 'i18next'
import { msText } from '../signals/format.ts'
import type { Link } from './model.ts'

/** @returns such as "12.3/s" or "0.02/s". */
export function rateText(rate: number, language: string): string {
  const digits = rate >= 100 ? 0 : rate >= 1 ? 1 : 2
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(rate)}/s`
}

/** @returns such as "0.4%". */
export const shareText = (share: number, language: string) =>
  new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: share < 0.1 ? 1 : 0 }).format(share)

/** @returns what is known of a call, such as "12/s · 0.4% errors · p95 14 ms". */
export function linkText({ rate, errors, p95Ms, broken }: Link, t: TFunction, language: string): string {
  const said: string[] = []
  if (broken) said.push(broken)
  if (rate !== undefined) said.push(rate > 0 ? rateText(rate, language) : t('topology.noTraffic'))
  if (rate && errors) said.push(t('topology.errors', { share: shareText(errors, language) }))
  if (rate && p95Ms !== undefined) said.push(t('topology.p95', { time: msText(p95Ms, language) }))
  return said.join(' · ')
}

/** In px: from a hairline for no traffic to 9 for a thousand requests a second. */
export const widthOf = (rate: number | undefined) => (rate ? Math.min(9, 1.5 + 2.5 * Math.log10(1 + rate)) : 1.25)

/** How bad an error share is. */
export const errorLevel = ({ errors = 0, broken }: Pick<Link, 'errors' | 'broken'>) =>
  broken || errors >= 0.05 ? 'failing' : errors > 0 ? 'degraded' : 'well'
