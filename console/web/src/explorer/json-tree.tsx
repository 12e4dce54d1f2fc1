/** JSON to be read: objects and lists open and close, long lists come in parts. What is closed is not there. */
import type { JsonValue } from '@bufbuild/protobuf'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import styles from './json-tree.module.css'

const part = 100
/** Longer texts are cut until one asks for more. */
const textPart = 2_000

export function JsonTree({ value }: { value: JsonValue }) {
  return (
    <div className={styles.tree}>
      <Node value={value} depth={0} />
    </div>
  )
}

function Node({ name, value, depth }: { name?: string; value: JsonValue; depth: number }) {
  const { t } = useTranslation()
  const [isOpen, setOpen] = useState(depth < 4)
  const [shown, setShown] = useState(part)
  const label = name !== undefined && <span className={styles.name}>{name}: </span>
  if (typeof value !== 'object' || value === null) {
    return (
      <div className={styles.line}>
        {label}
        <Scalar value={value} />
      </div>
    )
  }
  const isList = Array.isArray(value)
  const entries: [string, JsonValue][] = isList
    ? value.slice(0, shown).map((each, index) => [String(index), each])
    : Object.entries(value).slice(0, shown)
  const size = isList ? value.length : Object.keys(value).length
  const [open, close] = isList ? ['[', ']'] : ['{', '}']
  if (size === 0) {
    return (
      <div className={styles.line}>
        {label}
        <span className={styles.sign}>{open + close}</span>
      </div>
    )
  }
  return (
    <div>
      <button type="button" className={styles.toggle} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {label}
        <span className={styles.sign}>{isOpen ? open : `${open} ${size} ${close}`}</span>
      </button>
      {isOpen && (
        <>
          <div className={styles.within}>
            {entries.map(([key, each]) => (
              <Node key={key} name={key} value={each} depth={depth + 1} />
            ))}
            {size > shown && (
              <button type="button" className={styles.more} onClick={() => setShown(shown + part)}>
                {t('explorer.response.more', { count: size - shown })}
              </button>
            )}
          </div>
          <div className={styles.sign}>{close}</div>
        </>
      )}
    </div>
  )
}

function Scalar({ value }: { value: string | number | boolean | null }): ReactNode {
  const { t } = useTranslation()
  const [isWhole, setWhole] = useState(false)
  if (typeof value !== 'string') return <span className={styles.scalar}>{String(value)}</span>
  const cut = !isWhole && value.length > textPart
  return (
    <>
      <span className={styles.text}>{JSON.stringify(cut ? value.slice(0, textPart) : value)}</span>
      {cut && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          {t('explorer.response.whole')}
        </button>
      )}
    </>
  )
}
