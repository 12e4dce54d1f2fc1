/** Why a proxy refused, in words; what it said itself stands below. */
import { useTranslation } from 'react-i18next'
import styles from './gateway.module.css'
import { nackCause } from './nack.ts'

export function EnvoySaid({ text }: { text: string }) {
  const { t } = useTranslation()
  const cause = nackCause(text)
  return (
    <div className={styles.reason}>
      {t(`gateway.nack.${cause}`)}
      {/* Where there are no words for it, Envoy's own are all there is. */}
      <details open={cause === 'other'}>
        <summary>{t('gateway.envoySaid')}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys as well */}
        <blockquote lang="en" className="mono" tabIndex={0}>
          {text}
        </blockquote>
      </details>
    </div>
  )
}
