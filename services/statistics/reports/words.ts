/** The words of reports, and how figures and times are written, in both languages. Pure. */
import { DateTime } from 'luxon'
import type { Content, Series } from './content.ts'

export const words = {
  en: {
    span: (from: string, to: string) => `${from} to ${to}`,
    made: (time: string) => `Made ${time}`,
    series: 'Series',
    value: 'Value',
    nothing: 'Nothing was measured in this span.',
    left: (count: number) => `${count} more series are not shown.`,
    earlier: (name: string) => `${name} (earlier)`,
    any: 'any',
    columns: ['panel', 'query', 'series', 'time', 'value', 'unit'],
    page: (page: number, pages: number) => `Page ${page} of ${pages}`,
  },
  ko: {
    span: (from: string, to: string) => `${from} ~ ${to}`,
    made: (time: string) => `${time} 작성`,
    series: '계열',
    value: '값',
    nothing: '이 기간에 측정된 값이 없습니다.',
    left: (count: number) => `계열 ${count}개는 표시하지 않았습니다.`,
    earlier: (name: string) => `${name} (이전 기간)`,
    any: '전체',
    columns: ['패널', '쿼리', '계열', '시각', '값', '단위'],
    page: (page: number, pages: number) => `${pages}쪽 중 ${page}쪽`,
  },
} as const

type Place = Pick<Content, 'language' | 'timeZone'>

export const timeText = ({ language, timeZone }: Place, ms: number): string =>
  DateTime.fromMillis(ms, { zone: timeZone, locale: language }).toFormat('yyyy-MM-dd HH:mm ZZZZ')

/** @returns a tick of the axis of time: as much as a span of that length takes to be told. */
export const tickText = ({ language, timeZone }: Place, ms: number, spanMs: number): string =>
  DateTime.fromMillis(ms, { zone: timeZone, locale: language }).toFormat(spanMs <= 36 * 3_600_000 ? 'HH:mm' : 'MM-dd')

/** @returns a value with its unit, such as `12.3 ms` or `4.5k /s`. */
export function valueText(language: Content['language'], value: number, unit: string): string {
  const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 4, notation: 'compact' }).format(value)
  const shown = unit === '1' ? '' : unit.replaceAll(/\{[^}]*\}/g, '').replace(/^By/, 'B')
  return shown ? `${number} ${shown}` : number
}

export const seriesName = (language: Content['language'], { name, earlier }: Series): string =>
  earlier ? words[language].earlier(name) : name
