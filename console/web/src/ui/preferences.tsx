import { useMantineColorScheme } from '@mantine/core'
import {
  IconBaselineDensityMedium,
  IconBaselineDensitySmall,
  IconDeviceDesktop,
  IconLanguage,
  IconMoon,
  IconSun,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { changeLanguage, type Language, languages } from '../i18n/index.ts'
import { BarMenu, BarMenuItem } from './bar-menu.tsx'
import { densities, useDensity } from './density.ts'

const densityIcons = { comfortable: IconBaselineDensityMedium, dense: IconBaselineDensitySmall }
const themes = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon }

export function Preferences() {
  const { t, i18n } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const [density, setDensity] = useDensity()
  const DensityIcon = densityIcons[density]
  const ThemeIcon = themes[colorScheme]
  return (
    <>
      <BarMenu label={t('nav.language')} button={<IconLanguage size={18} />}>
        {(Object.keys(languages) as Language[]).map(language => (
          <BarMenuItem
            key={language}
            lang={language}
            chosen={i18n.language === language}
            onClick={() => changeLanguage(language)}
          >
            {languages[language]}
          </BarMenuItem>
        ))}
      </BarMenu>
      <BarMenu label={t('nav.theme')} button={<ThemeIcon size={18} />}>
        {(['auto', 'light', 'dark'] as const).map(scheme => (
          <BarMenuItem key={scheme} chosen={colorScheme === scheme} onClick={() => setColorScheme(scheme)}>
            {t(`nav.themes.${scheme}`)}
          </BarMenuItem>
        ))}
      </BarMenu>
      <BarMenu label={t('nav.density')} button={<DensityIcon size={18} />}>
        {densities.map(each => (
          <BarMenuItem key={each} chosen={density === each} onClick={() => setDensity(each)}>
            {t(`nav.densities.${each}`)}
          </BarMenuItem>
        ))}
      </BarMenu>
    </>
  )
}
