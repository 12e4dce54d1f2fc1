/** The first five minutes: what to do next. What was done is forgotten, and with the last of it the panel. */
import { Button, CloseButton } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconApi, IconBoxMultiple, IconTopologyStar3 } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import styles from './first-steps.module.css'

const steps = ['topology', 'api', 'service'] as const
type Step = (typeof steps)[number]
const icons = { topology: IconTopologyStar3, api: IconApi, service: IconBoxMultiple }
const addresses: Partial<Record<Step, '/topology' | '/explorer'>> = { topology: '/topology', api: '/explorer' }

interface Remembered {
  done: Step[]
  /** How many services there were when this was seen first: one more is a service that was added. */
  services?: number
}

/** @param services how many there are; undefined while that is not known. */
export function FirstSteps({ services }: { services: number | undefined }) {
  const { t } = useTranslation()
  const [remembered, setRemembered] = useLocalStorage<Remembered>({
    key: 'site11-first-steps',
    defaultValue: { done: [] },
    getInitialValueInEffect: false,
  })
  const { done, services: before } = remembered
  const finish = (...more: Step[]) => setRemembered({ ...remembered, done: [...new Set([...done, ...more])] })
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at when the number changes
  useEffect(() => {
    if (services === undefined) return
    if (before === undefined) setRemembered({ ...remembered, services })
    else if (services > before && !done.includes('service')) finish('service')
  }, [services])
  const left = steps.filter(step => !done.includes(step))
  if (left.length === 0) return null
  return (
    <section className={styles.steps} aria-label={t('overview.first.title')}>
      <div className={styles.head}>
        <h2>{t('overview.first.title')}</h2>
        <CloseButton
          size="sm"
          aria-label={t('overview.first.forget')}
          title={t('overview.first.forget')}
          onClick={() => finish(...steps)}
        />
      </div>
      <ul>
        {left.map(step => {
          const Icon = icons[step]
          const address = addresses[step]
          return (
            <li key={step}>
              <Icon size={18} stroke={1.6} aria-hidden="true" />
              <div>
                {address ? (
                  <Link to={address} onClick={() => finish(step)}>
                    {t(`overview.first.${step}`)}
                  </Link>
                ) : (
                  <b>{t(`overview.first.${step}`)}</b>
                )}
                <p>{t(`overview.first.${step}Text`)}</p>
                {!address && (
                  <Button size="compact-xs" variant="default" onClick={() => finish(step)}>
                    {t('overview.first.done')}
                  </Button>
                )}
              </div>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
