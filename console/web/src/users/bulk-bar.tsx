/** What is done to all who are selected: with progress, a way to stop, each failure by name, and a way back. */
import { Button, Group, Menu, Progress, Text } from '@mantine/core'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { problemFrom } from '../api/problem.ts'
import { useSession } from '../api/use-session.ts'
import { wordsFor } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { type Outcome, runBulk } from './bulk.ts'
import { DisableForm } from './disable-user.tsx'
import { roles } from './filter.ts'
import { disableAgain, readUser, untilOf, useUserCalls } from './use-user-actions.ts'
import { nameOf } from './user-columns.tsx'
import styles from './user-list.module.css'

type Kind = 'delete' | 'disable' | 'enable' | 'addRole' | 'takeRole' | 'undo'

interface Task {
  kind: Kind
  users: readonly User[]
  /** @returns undefined when there is nothing to do. */
  act: (user: User) => Promise<User | undefined>
  /** Takes one back; undefined for what is not taken back. */
  undo: ((before: User, after: User) => Promise<User | undefined>) | undefined
}

interface Run extends Task {
  outcome: Outcome
  running: boolean
  stop: () => void
}

/**
 * Who is selected, and what is being done to them. Held above the list, so that neither is lost when another list or a user is
 * looked at meanwhile.
 */
export function useBulk() {
  const { t } = useTranslation()
  const calls = useUserCalls()
  const session = useSession()
  const [selected, setSelected] = useState<ReadonlyMap<string, User>>(new Map())
  const [run, setRun] = useState<Run>()
  const [disabling, setDisabling] = useState(false)
  const latest = useRef(0)
  const users = [...selected.values()]

  const select = (some: readonly User[], on: boolean) =>
    setSelected(before => {
      const after = new Map(before)
      for (const user of some) on ? after.set(user.id, user) : after.delete(user.id)
      return after
    })

  async function start(task: Task) {
    const stop = new AbortController()
    const number = ++latest.current
    const show = (outcome: Outcome, running: boolean) => {
      if (number === latest.current) setRun({ ...task, outcome, running, stop: () => stop.abort() })
    }
    show({ done: [], failed: [], left: [] }, true)
    const outcome = await runBulk(task.users, {
      act: task.act,
      signal: stop.signal,
      onProgress: outcome => show(outcome, true),
    })
    show(outcome, false)
    // Whoever it failed with, or was not tried with, stays selected.
    select(
      outcome.done.map(({ after }) => after),
      false,
    )
  }

  const remove = () =>
    start({
      kind: 'delete',
      users: users.filter(user => !user.deleteTime),
      act: calls.remove,
      undo: (_, after) => calls.restore(after),
    })
  const enable = () =>
    start({
      kind: 'enable',
      users: users.filter(({ state, deleteTime }) => state === UserState.DISABLED && !deleteTime),
      act: calls.enable,
      undo: (before, after) => disableAgain(calls, before, after),
    })
  const disable = (reason: string, until: string) =>
    start({
      kind: 'disable',
      users: users.filter(user => !user.deleteTime),
      act: user => calls.disable(user, reason, untilOf(until)),
      undo: (before, after) =>
        before.state === UserState.DISABLED ? disableAgain(calls, before, after) : calls.enable(after),
    })
  const changeRole = (role: string, has: boolean) =>
    start({
      kind: has ? 'addRole' : 'takeRole',
      users: users.filter(user => user.roles.includes(role) !== has && !user.deleteTime),
      act: user => calls.changeRole(user, role, has),
      undo: (_, after) => calls.changeRole(after, role, !has),
    })

  const mayWrite = mayCall(session, UsersService.method.deleteUser)
  const mayAdmin = mayCall(session, UsersService.method.setUserRoles)
  const bar = (
    <>
      {selected.size > 0 && !run?.running && (
        <section className={styles.note} aria-label={t('users.bulk')}>
          <Text size="sm" fw={600} aria-live="polite">
            {t('users.selected', { count: selected.size })}
          </Text>
          <Group gap={6}>
            {mayWrite && (
              <>
                <Button size="compact-sm" variant="default" onClick={() => setDisabling(true)}>
                  {t('users.bulkDisable')}
                </Button>
                <Button size="compact-sm" variant="default" onClick={enable}>
                  {t('users.bulkEnable')}
                </Button>
              </>
            )}
            {mayAdmin && (
              <Menu position="top-start">
                <Menu.Target>
                  <Button size="compact-sm" variant="default">
                    {t('users.roles')}…
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  {roles.map(role => (
                    <Menu.Item key={`add ${role}`} onClick={() => void changeRole(role, true)}>
                      {t('users.addRole', { role })}
                    </Menu.Item>
                  ))}
                  <Menu.Divider />
                  {roles.map(role => (
                    <Menu.Item key={`take ${role}`} onClick={() => void changeRole(role, false)}>
                      {t('users.takeRole', { role })}
                    </Menu.Item>
                  ))}
                </Menu.Dropdown>
              </Menu>
            )}
            {mayWrite && (
              <Button size="compact-sm" variant="default" onClick={remove}>
                {t('users.bulkDelete')}
              </Button>
            )}
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setSelected(new Map())}>
              {t('users.selectNone')}
            </Button>
          </Group>
        </section>
      )}
      {run && (
        <RunNote
          run={run}
          onClose={() => setRun(undefined)}
          onRetry={() =>
            start({
              ...run,
              users: [...run.outcome.failed.map(({ user }) => user), ...run.outcome.left],
              // What failed may have changed meanwhile: it is read anew.
              act: async user => run.act((await readUser(user.id)) ?? user),
            })
          }
          onUndo={() => {
            const { undo, outcome } = run
            const before = new Map(outcome.done.map(({ before, after }) => [after.id, before]))
            void start({
              kind: 'undo',
              users: outcome.done.map(({ after }) => after),
              act: after => undo?.(before.get(after.id) ?? after, after) ?? Promise.resolve(undefined),
              undo: undefined,
            })
          }}
        />
      )}
      <SideDrawer
        opened={disabling}
        onClose={() => setDisabling(false)}
        title={t('users.bulkDisableTitle', { count: selected.size })}
      >
        <DisableForm
          onClose={() => setDisabling(false)}
          onSend={async (reason, until) => {
            setDisabling(false)
            void disable(reason, until)
          }}
        />
      </SideDrawer>
    </>
  )
  return { selected, select, clear: () => setSelected(new Map()), bar }
}

interface RunNoteProps {
  run: Run
  onClose: () => void
  onRetry: () => void
  onUndo: () => void
}

function RunNote({ run, onClose, onRetry, onUndo }: RunNoteProps) {
  const { t, i18n } = useTranslation()
  const { kind, users, outcome, running } = run
  const { done, failed, left } = outcome
  const tried = done.length + failed.length
  if (running) {
    return (
      <section className={styles.note} aria-label={t('users.bulk')} aria-busy="true">
        <Text size="sm">{t(`users.doing.${kind}`, { done: tried, count: users.length })}</Text>
        <Progress
          value={(tried / Math.max(users.length, 1)) * 100}
          flex={1}
          miw={80}
          aria-label={t('users.progress')}
          transitionDuration={120}
        />
        <Button size="compact-sm" variant="default" onClick={run.stop}>
          {t('users.stop')}
        </Button>
      </section>
    )
  }
  return (
    <section className={styles.note} role="status" aria-label={t('users.bulk')}>
      <Text size="sm">
        {t(`users.did.${kind}`, { count: done.length })}
        {failed.length > 0 && ` ${t('users.failed', { count: failed.length })}`}
        {left.length > 0 && ` ${t('users.left', { count: left.length })}`}
      </Text>
      <Group gap={6}>
        {failed.length + left.length > 0 && (
          <Button size="compact-sm" variant="default" onClick={onRetry}>
            {t('users.retryFailed')}
          </Button>
        )}
        {run.undo && done.length > 0 && (
          <Button size="compact-sm" variant="default" onClick={onUndo}>
            {t('common.undo')}
          </Button>
        )}
        <Button size="compact-sm" variant="subtle" color="gray" onClick={onClose}>
          {t('common.close')}
        </Button>
      </Group>
      {failed.length > 0 && (
        <ul className={styles.failures} aria-label={t('users.failures')}>
          {failed.map(({ user, error }) => {
            const { what, todo } = wordsFor(problemFrom(error), i18n)
            return (
              <li key={user.id}>
                <b>{nameOf(user)}</b>
                <span>
                  {what}. {todo}
                </span>
              </li>
            )
          })}
        </ul>
      )}
    </section>
  )
}
