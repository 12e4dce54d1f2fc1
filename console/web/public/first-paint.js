// Sets theme, density and language before the first paint, so that none flashes. The keys are those of src/ui/theme.ts, src/ui/density.ts
// and src/i18n/index.ts.
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
  root.dataset.density = read('site11-density') === 'dense' ? 'dense' : 'comfortable'
  root.lang = read('site11-language') ?? (navigator.language.startsWith('ko') ? 'ko' : 'en')
})()
