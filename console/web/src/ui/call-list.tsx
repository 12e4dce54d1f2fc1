/** Calls, each with its copies. */
import { useTranslation } from 'react-i18next'
import { recentCalls } from '../api/client.ts'
import { copyCall, copyKinds } from '../api/copy-call.ts'
import type { RecentCall } from '../api/recent-calls.ts'
import styles from './call-list.module.css'
import { copyKindNames, useCopyCall } from './use-copy-call.ts'

/** As they are when it opens: the list does not move under the pointer. */
export function CallList() {
  const { t } = useTranslation()
  const { here, before } = recentCalls.list()
  return (
    <div className={styles.calls}>
      <Calls title={t('copyCall.here')} calls={here} />
      {before.length > 0 && (
        <details>
          <summary>{t('copyCall.before')}</summary>
          <Calls calls={before} />
        </details>
      )}
    </div>
  )
}

function Calls({ title, calls }: { title?: string; calls: RecentCall[] }) {
  const { t } = useTranslation()
  return (
    <>
      {title && <h2 className={styles.title}>{title}</h2>}
      {calls.length === 0 && <p className={styles.none}>{t('copyCall.none')}</p>}
      <ul className={styles.list}>
        {calls.map(call => (
          <Call key={`${call.method.parent.typeName}/${call.method.name}`} call={call} />
        ))}
      </ul>
    </>
  )
}

function Call({ call: { method, request } }: { call: RecentCall }) {
  const { t } = useTranslation()
  const copy = useCopyCall()
  return (
    <li className={styles.call}>
      <span className={styles.name} title={`${method.parent.typeName}/${method.name}`}>
        <span className={styles.service}>{method.parent.name}/</span>
        {method.name}
      </span>
      {copyKinds.map(kind => {
        const text = copyCall(kind, { method, request, origin: location.origin })
        const name = copyKindNames[kind]
        return (
          <button
            key={kind}
            type="button"
            className={styles.kind}
            disabled={text === undefined}
            aria-label={t('copyCall.as', { method: method.name, name })}
            title={t('copyCall.as', { method: method.name, name })}
            onClick={() => void copy(method, kind, text ?? '')}
          >
            {name === 'TypeScript' ? 'TS' : name}
          </button>
        )
      })}
    </li>
  )
}
