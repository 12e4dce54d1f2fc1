/** The columns of the list. Cells are plain elements: many of them are drawn while one scrolls. */
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt'
import { useLocalStorage } from '@mantine/hooks'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { moment, relative } from '../ui/format.ts'
import { StateMark } from '../ui/state.tsx'
import { type RowWords, useRowWords } from './row-words.ts'
import type { OrderField } from './search.ts'
import styles from './user-list.module.css'

export interface UserColumn {
  key: string
  header: string
  /** A track of the grid. */
  width: string
  /** What the list is ordered by when its header is pressed. */
  order?: OrderField
  cell: (user: User, now: number) => ReactNode
}

/** All but the user's own column may be left out. */
export const optionalColumns = ['state', 'roles', 'created', 'updated', 'locale', 'timeZone', 'id'] as const
export type OptionalColumn = (typeof optionalColumns)[number]
const shownAtFirst: OptionalColumn[] = ['state', 'roles', 'created', 'updated']

export const useChosenColumns = () =>
  useLocalStorage<OptionalColumn[]>({
    key: 'site11-users-columns',
    defaultValue: shownAtFirst,
    getInitialValueInEffect: false,
    deserialize: text => optionalColumns.filter(name => (text ?? shownAtFirst.join()).split(',').includes(name)),
    serialize: chosen => chosen.join(),
  })

export const nameOf = ({ displayName, email }: Pick<User, 'displayName' | 'email'>) => displayName || email

export function useUserColumns(chosen: readonly OptionalColumn[]): UserColumn[] {
  const { t, i18n } = useTranslation()
  const { language } = i18n
  const words = useRowWords()
  return useMemo(() => {
    const time = (value: Timestamp | undefined, now: number) => value && <Time value={value} now={now} in={language} />
    const optional: Record<OptionalColumn, Omit<UserColumn, 'key'>> = {
      state: {
        header: t('users.filter'),
        width: 'minmax(130px, 1.1fr)',
        cell: (user, now) => <SignInState user={user} now={now} words={words} />,
      },
      roles: { header: t('users.roles'), width: 'minmax(90px, 0.8fr)', cell: ({ roles }) => roles.join(', ') },
      created: {
        header: t('users.created'),
        width: '112px',
        order: 'create_time',
        cell: ({ createTime }, now) => time(createTime, now),
      },
      updated: {
        header: t('users.updated'),
        width: '112px',
        order: 'update_time',
        cell: ({ updateTime }, now) => time(updateTime, now),
      },
      locale: { header: t('account.locale'), width: '80px', cell: ({ locale }) => locale },
      timeZone: { header: t('account.timeZone'), width: '150px', cell: ({ timeZone }) => timeZone },
      id: {
        header: t('account.id'),
        width: '110px',
        cell: ({ id }) => (
          <span className="mono" title={id}>
            …{id.slice(-8)}
          </span>
        ),
      },
    }
    return optionalColumns.filter(key => chosen.includes(key)).map(key => ({ key, ...optional[key] }))
  }, [t, language, words, chosen])
}

function Time({ value, now, in: language }: { value: Timestamp; now: number; in: string }) {
  const date = timestampDate(value)
  return <time dateTime={date.toISOString()}>{relative(date, now, language)}</time>
}

interface SignInStateProps {
  user: User
  now: number
  words: RowWords
}

/** Whether the user may sign in, and if not, why and until when. */
export function SignInState({ user, now, words }: SignInStateProps) {
  const { language } = words
  const { deleteTime, state, disabledReason, disabledUntil } = user
  if (deleteTime) {
    return (
      <>
        <StateMark name="failing" label={words.deleted} />
        <span className={styles.second}>{relative(timestampDate(deleteTime), now, language)}</span>
      </>
    )
  }
  if (state !== UserState.DISABLED) return <StateMark name="healthy" label={words.active} />
  const until = disabledUntil && words.until(moment(timestampDate(disabledUntil), language))
  const facts = [disabledReason, until].filter(Boolean).join(' · ')
  return (
    <>
      <StateMark name="degraded" label={words.disabled} />
      {facts && (
        <span className={styles.second} title={facts}>
          {facts}
        </span>
      )}
    </>
  )
}
