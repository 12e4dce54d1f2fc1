/** Figures as words: pure. */
const digits = (value: number) => (value !== 0 && Math.abs(value) < 10 ? 1 : 0)

/** @returns such as "0.02", "1.2" or "1,204"; the unit stands beside it. */
export const rateText = (perSecond: number, language: string) =>
  new Intl.NumberFormat(
    language,
    perSecond < 10 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 },
  ).format(perSecond)

/** @param share 0 to 1. @returns such as "0%", "0.4%" or "<0.1%": what is not nothing is not shown as nothing. */
export function shareText(share: number, language: string): string {
  const percent = (value: number, fraction: number) =>
    new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: fraction }).format(value)
  if (share > 0 && share < 0.001) return `<${percent(0.001, 1)}`
  return percent(share, share < 0.1 ? 1 : 0)
}

/** @returns such as "4.2 ms", "120 ms" or "1.3 s". */
export function msText(ms: number, language: string): string {
  const unit = ms < 1000 ? 'millisecond' : 'second'
  const value = ms < 1000 ? ms : ms / 1000
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: digits(value),
  }).format(value)
}
