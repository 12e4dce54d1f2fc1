/** Times: relative, with the whole on hover. */
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { absolute, duration, moment, relative } from './format.ts'

/** @returns the time now, in ms; renders again every second, or every half minute for what is older than two minutes. */
export function useNow(date?: Date): number {
  const [now, setNow] = useState(Date.now)
  const period = date && Math.abs(now - date.getTime()) > 120_000 ? 30_000 : 1_000
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), period)
    return () => clearInterval(timer)
  }, [period])
  return now
}

/** "5 min. ago" */
export function Ago({ date }: { date: Date }) {
  const { i18n } = useTranslation()
  return (
    <time dateTime={date.toISOString()} title={absolute(date, i18n.language)}>
      {relative(date, useNow(date), i18n.language)}
    </time>
  )
}

/** "for 5 min" */
export function Since({ date }: { date: Date }) {
  const { t, i18n } = useTranslation()
  return (
    <time dateTime={date.toISOString()} title={absolute(date, i18n.language)}>
      {t('state.since', { time: duration(useNow(date) - date.getTime(), i18n.language) })}
    </time>
  )
}

/** "22 Nov 2026, 22:18" */
export function Moment({ date }: { date: Date }) {
  const { i18n } = useTranslation()
  return (
    <time dateTime={date.toISOString()} title={absolute(date, i18n.language)}>
      {moment(date, i18n.language)}
    </time>
  )
}
