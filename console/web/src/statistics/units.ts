/** Values as words, by their UCUM unit: pure. */
import { msText, rateText, shareText } from '../signals/format.ts'

const decimal = (value: number, language: string): string => {
  const size = Math.abs(value)
  if (size >= 100_000) {
    return new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 }).format(value)
  }
  return rateText(value, language)
}

const sized = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** Short in every language: `12.3 MB`. */
function bytesText(bytes: number, language: string): string {
  const power = Math.min(sized.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(Math.abs(bytes), 1)) / 3)))
  const value = bytes / 1000 ** power
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: sized[power] ?? 'byte',
    unitDisplay: power === 0 ? 'narrow' : 'short',
    maximumFractionDigits: Math.abs(value) < 100 && power > 0 ? 1 : 0,
  }).format(value)
}

function durationText(ms: number, language: string): string {
  const size = Math.abs(ms)
  if (size < 120_000) return size > 0 && size < 0.1 ? `<${msText(0.1, language)}` : msText(ms, language)
  const [unit, length] = size < 7_200_000 ? (['minute', 60_000] as const) : (['hour', 3_600_000] as const)
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: 1,
  }).format(ms / length)
}

/**
 * @param unit as the contract has it: `ms`, `s`, `By`, `1` (a share), `%`, `{request}`, any of these with `/s`, or any other name.
 * @returns such as "4.2 ms", "12.3 MB", "5%", "1,204" or "3.2/s".
 */
export function valueText(value: number, unit: string, language: string): string {
  if (unit.endsWith('/s')) {
    const each = unit.slice(0, -2)
    const text = valueText(value, each === '1' ? '' : each, language)
    return `${text}/s`
  }
  switch (unit) {
    case 'ms':
      return durationText(value, language)
    case 's':
      return durationText(value * 1000, language)
    case 'By':
      return bytesText(value, language)
    case '1':
      return shareText(value, language)
    case '%':
      return `${rateText(value, language)}%`
  }
  // What is in braces is a note, which stands with the metric.
  if (unit === '' || unit.startsWith('{')) return decimal(value, language)
  return `${decimal(value, language)} ${unit}`
}

/** @returns how far up an axis reaches at the least, so that noise does not fill it. */
export function leastOf(unit: string): number {
  const each = unit.replace(/\/s$/, '')
  return each === 'ms' ? 10 : each === 's' ? 0.01 : each === '1' ? 0.01 : each === 'By' ? 1000 : 1
}

/** @returns what the values are of, in words that need no translation: `ms`, `bytes`, `request/s`; empty for plain numbers. */
export const unitName = (unit: string): string =>
  unit
    .replace(/[{}]/g, '')
    .replace(/^By/, 'B')
    .replace(/^1(\/s)?$/, (_, per: string | undefined) => per ?? '%')
