/** The same as words: for those who hear the page, and for narrow screens. */
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { linkText } from './figures.ts'
import styles from './list.module.css'
import type { Part, Topology } from './model.ts'
import { Figures, Members, nameOf, PartState, targetOf, useWhy } from './part.tsx'

const kinds = ['clients', 'edge', 'service', 'store'] as const

export function PartList({ topology: { parts, links } }: { topology: Topology }) {
  const { t, i18n } = useTranslation()
  const why = useWhy()
  const names = new Map(parts.map(part => [part.id, nameOf(part, t)]))
  const calls = (part: Part) => links.filter(({ from }) => from === part.id)
  return kinds.map(kind => {
    const own = parts.filter(part => part.kind === kind)
    if (own.length === 0) return null
    return (
      <section key={kind} className={styles.section}>
        <h2 className={styles.head}>{t(`topology.headings.${kind}`)}</h2>
        <ul className={styles.list} aria-label={t(`topology.headings.${kind}`)}>
          {own.map(part => {
            const target = targetOf(part)
            return (
              <li key={part.id}>
                <div className={styles.line}>
                  {target ? (
                    <Link {...target} className={styles.name}>
                      {names.get(part.id)}
                    </Link>
                  ) : (
                    <b className={styles.name}>{names.get(part.id)}</b>
                  )}
                  <PartState state={part.state} />
                  <Figures {...part} />
                  <Members members={part.members} />
                </div>
                {why(part) && <p className={styles.why}>{why(part)}</p>}
                {calls(part).length > 0 && (
                  <ul className={styles.calls} aria-label={t('topology.callsOf', { name: names.get(part.id) })}>
                    {calls(part).map(link => (
                      <li key={link.id}>
                        <span aria-hidden="true">→ </span>
                        {names.get(link.to)} <span className={styles.facts}>{linkText(link, t, i18n.language)}</span>
                      </li>
                    ))}
                  </ul>
                )}
              </li>
            )
          })}
        </ul>
      </section>
    )
  })
}
