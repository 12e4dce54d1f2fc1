/** English and Korean; only the language in use is loaded. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type { statistics } from './en/statistics.ts'
import type { en } from './en.ts'

export const languages = { en: 'English', ko: '한국어' } as const
export type Language = keyof typeof languages

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en & { statistics: typeof statistics } }
    contextSeparator: '~'
  }
}

/** Read by public/first-paint.js too. */
const storageKey = 'site11-language'

const load = {
  en: async () => (await import('./en.ts')).en,
  ko: async () => (await import('./ko.ts')).ko,
}

/** Words that come with the pages which say them. */
const rooms = {
  statistics: {
    en: () => import('./en/statistics.ts'),
    ko: () => import('./ko/statistics.ts'),
  },
} as const
type Room = keyof typeof rooms
const opened = new Set<Room>()

/** Must be awaited before a page of the room renders. */
export async function openRoom(room: Room): Promise<void> {
  opened.add(room)
  await addRoom(room, i18next.language === 'ko' ? 'ko' : 'en')
}

async function addRoom(room: Room, language: Language) {
  if (i18next.getResource(language, 'translation', room) !== undefined) return
  i18next.addResourceBundle(language, 'translation', await rooms[room][language](), true)
}

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

async function show(language: Language) {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await load[language]())
  }
  await Promise.all([...opened].map(room => addRoom(room, language)))
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}
