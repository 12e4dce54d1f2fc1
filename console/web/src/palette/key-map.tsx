/** All keys at a glance. */
import { CloseButton, Group, Title } from '@mantine/core'
import { Fragment } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { pages } from '../ui/frame.tsx'
import { goTo, paletteKeys } from './keys.ts'
import { Modal } from './modal.tsx'
import styles from './palette.module.css'

export function KeyMap({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const session = useSession()
  const letters = Object.entries(goTo).flatMap(([letter, path]) => {
    const page = pages.find(({ to, method }) => to === path && mayCall(session, method))
    return page ? [{ keys: ['g', letter], what: t(page.title) }] : []
  })
  const sections = [
    {
      title: t('palette.map.everywhere'),
      rows: [
        { keys: [paletteKeys(navigator.platform)], what: t('palette.open') },
        { keys: ['/'], what: t('palette.map.search') },
        { keys: ['?'], what: t('palette.map.title') },
        { keys: ['Esc'], what: t('palette.map.back') },
      ],
    },
    {
      title: t('palette.map.lists'),
      rows: [
        { keys: ['j', 'k'], what: t('palette.map.rows') },
        { keys: ['Enter'], what: t('palette.map.open') },
      ],
    },
    { title: t('palette.map.go'), rows: letters },
  ]
  return (
    <Modal label={t('palette.map.title')} className={styles.map} onClose={onClose}>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t('palette.map.title')}</Title>
        <CloseButton onClick={onClose} aria-label={t('common.close')} />
      </Group>
      <div className={styles.sections}>
        {sections.map(({ title, rows }) => (
          <section key={title}>
            <h3 className={styles.group}>{title}</h3>
            <dl className={styles.keyRows}>
              {rows.map(({ keys, what }) => (
                <Fragment key={what}>
                  <dt>
                    {keys.map((key, place) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: the same key may come twice
                      <kbd key={place} className={styles.kbd}>
                        {key}
                      </kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </Fragment>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  )
}
