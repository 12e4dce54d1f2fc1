import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { languages } from '../i18n/index.ts'
import { Id } from '../ui/copy.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './user-detail.module.css'

/** What is known of a user, as facts. */
export function UserProfile({ user }: { user: User }) {
  const { t } = useTranslation()
  const { email, emailVerified, displayName, locale, timeZone, roles, createTime, updateTime, id, profile } = user
  const facts: [string, ReactNode][] = [
    [
      t('account.email'),
      <>
        {email}{' '}
        <span className={styles.none}>· {t(emailVerified ? 'account.emailVerified' : 'account.emailUnverified')}</span>
      </>,
    ],
    [t('account.displayName'), displayName],
    [t('users.roles'), roles.join(', ')],
    [t('account.locale'), Object.entries(languages).find(([tag]) => tag === locale)?.[1] ?? locale],
    [t('account.timeZone'), timeZone],
    ...Object.entries(profile).map(([key, value]): [string, ReactNode] => [key, value]),
    [t('users.created'), createTime && <Ago date={timestampDate(createTime)} />],
    [t('users.updated'), updateTime && <Ago date={timestampDate(updateTime)} />],
    [t('account.id'), <Id key="id" value={id} />],
  ]
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value || <span className={styles.none}>{t('users.notSet')}</span>}</dd>
        </div>
      ))}
    </dl>
  )
}
