import { Select, type SelectProps } from '@mantine/core'
import { languages } from '../i18n/index.ts'

export const timeZones = Intl.supportedValuesOf('timeZone')

const locales = Object.entries(languages).map(([value, label]) => ({ value, label }))

/** @returns the languages of the platform, and the one that is set when it is another. */
export const localeChoices = (locale: string) =>
  locale && !(locale in languages) ? [...locales, { value: locale, label: locale }] : locales

/** A Select whose empty value is '', as in the contract. */
export function TextChoice({
  value,
  onChange,
  ...props
}: Omit<SelectProps, 'onChange'> & { onChange?: (value: string) => void }) {
  return (
    <Select value={value || null} onChange={next => onChange?.(String(next ?? ''))} clearable limit={100} {...props} />
  )
}
