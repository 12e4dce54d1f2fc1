/** The look: a quiet instrument panel. One accent; green, amber and red belong to state alone (state.module.css). */
import {
  type CSSVariablesResolver,
  createTheme,
  localStorageColorSchemeManager,
  type MantineColorsTuple,
} from '@mantine/core'

// biome-ignore format: one line each
const ink: MantineColorsTuple = ['#eef3ff', '#dce6ff', '#b9ccfe', '#95b1fd', '#7797fa', '#5a80f5', '#3f67e6', '#2f55cf', '#2747ad', '#213c8f']
// biome-ignore format: one line each
const dark: MantineColorsTuple = ['#e6e8eb', '#c9cdd2', '#a5abb4', '#8d949e', '#32373e', '#282c32', '#1d2024', '#141619', '#101214', '#0b0c0e']

const small = { defaultProps: { size: 'sm' } }

export const theme = createTheme({
  colors: { ink, dark },
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 7 },
  fontFamily: "'Pretendard Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', 'Pretendard Variable', ui-monospace, monospace",
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '20px', lineHeight: '1.4' }, h2: { fontSize: '16px', lineHeight: '1.5' } },
  },
  defaultRadius: 6,
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Button: small,
    DrawerRoot: { defaultProps: { position: 'right', size: 440, transitionProps: { duration: 150 }, shadow: 'xl' } },
    // Not in a portal, so that what opens stands within the page's landmarks.
    Menu: {
      defaultProps: {
        shadow: 'md',
        transitionProps: { duration: 100 },
        withinPortal: false,
        withInitialFocusPlaceholder: false,
      },
    },
  },
})

/** Mantine's greys for secondary text are too faint to read (WCAG AA asks for 4.5:1). */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#fcfcfd',
    '--mantine-color-text': '#1b1e22',
    '--mantine-color-dimmed': '#5d646e',
    '--mantine-color-placeholder': '#6b727c',
    '--mantine-color-default-border': '#dfe2e6',
    '--mantine-color-error': '#c62a2f',
  },
  dark: {
    '--mantine-color-placeholder': 'var(--mantine-color-dark-3)',
    '--mantine-color-anchor': 'var(--mantine-color-ink-3)',
    '--mantine-color-error': '#ff9592',
  },
})

/** The key is read by public/first-paint.js too. */
export const colorSchemeManager = localStorageColorSchemeManager({ key: 'site11-color-scheme' })
