// Sets theme and language before the first paint, so that neither flashes. The keys are those of src/ui/theme.ts and src/i18n/index.ts.
;(() => {
  const read = key => {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  }
  const root = document.documentElement
  const scheme = read('site11-color-scheme')
  const dark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
  root.lang = read('site11-language') ?? (navigator.language.startsWith('ko') ? 'ko' : 'en')
})()
