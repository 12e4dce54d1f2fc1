/** English and Korean; only the language in use is loaded, and of it what the pages seen so far say. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type { en } from './en.ts'

export const languages = { en: 'English', ko: '한국어' } as const
export type Language = keyof typeof languages

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en }
    contextSeparator: '~'
  }
}

/** Read by public/first-paint.js too. */
const storageKey = 'site11-language'

const base = {
  en: async () => (await import('./en/base.ts')).base,
  ko: async () => (await import('./ko/base.ts')).base,
}

/** Words that come with the pages that say them (`withWords`). Each file exports them by the names that keys begin with. */
export const rooms = {
  activity: { en: () => import('./en/activity.ts'), ko: () => import('./ko/activity.ts') },
  copyCall: { en: () => import('./en/copy-call.ts'), ko: () => import('./ko/copy-call.ts') },
  events: { en: () => import('./en/events.ts'), ko: () => import('./ko/events.ts') },
  explorer: { en: () => import('./en/explorer.ts'), ko: () => import('./ko/explorer.ts') },
  gateway: { en: () => import('./en/gateway.ts'), ko: () => import('./ko/gateway.ts') },
  palette: { en: () => import('./en/palette.ts'), ko: () => import('./ko/palette.ts') },
  security: { en: () => import('./en/security.ts'), ko: () => import('./ko/security.ts') },
  services: { en: () => import('./en/services.ts'), ko: () => import('./ko/services.ts') },
  statistics: { en: () => import('./en/statistics.ts'), ko: () => import('./ko/statistics.ts') },
  topology: { en: () => import('./en/topology.ts'), ko: () => import('./ko/topology.ts') },
  users: { en: () => import('./en/users.ts'), ko: () => import('./ko/users.ts') },
  widgets: { en: () => import('./en/widgets.ts'), ko: () => import('./ko/widgets.ts') },
} satisfies Record<string, Record<Language, () => Promise<object>>>
export type Room = keyof typeof rooms

/** Those wanted so far: another language needs them too. */
const wanted = new Set<Room>()

/** Must be awaited before anything renders. */
export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: {},
    fallbackLng: false,
    // Names of the contract have underscores.
    contextSeparator: '~',
    // React escapes.
    interpolation: { escapeValue: false },
  })
  const stored = localStorage.getItem(storageKey)
  await show(stored === 'ko' || stored === 'en' ? stored : navigator.language.startsWith('ko') ? 'ko' : 'en')
}

/** Changes the language, now and for later visits. */
export async function changeLanguage(language: Language): Promise<void> {
  localStorage.setItem(storageKey, language)
  await show(language)
}

/** @returns what is loaded, once the words that it says are there too: nothing is drawn with keys in place of words. */
export async function withWords<T>(loaded: Promise<T>, ...names: Room[]): Promise<T> {
  for (const name of names) wanted.add(name)
  const [value] = await Promise.all([loaded, ...names.map(name => add(i18next.language as Language, name))])
  return value
}

async function show(language: Language) {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await base[language]())
  }
  await Promise.all([...wanted].map(name => add(language, name)))
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}

async function add(language: Language, name: Room) {
  const words = await rooms[name][language]()
  // The words of a page may go on with those of the base. The module's own object cannot be written to.
  i18next.addResourceBundle(language, 'translation', { ...words }, true)
}
