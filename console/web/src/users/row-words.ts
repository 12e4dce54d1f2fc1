import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'

/** What rows say: looked up once for all of them. */
export interface RowWords {
  language: string
  select: (name: string) => string
  actions: (name: string) => string
  until: (time: string) => string
  verified: string
  active: string
  disabled: string
  deleted: string
}

const gap = '\u0000'

export function useRowWords(): RowWords {
  const { t, i18n } = useTranslation()
  const { language } = i18n
  return useMemo(() => {
    const fill = (text: string) => {
      const [before = '', after = ''] = text.split(gap)
      return (value: string) => before + value + after
    }
    return {
      language,
      select: fill(t('users.select', { name: gap })),
      actions: fill(t('users.actions', { name: gap })),
      until: fill(t('problem.disabledUntil', { time: gap })),
      verified: t('users.verified'),
      active: t('users.active'),
      disabled: t('users.disabled'),
      deleted: t('users.deleted'),
    }
  }, [t, language])
}
