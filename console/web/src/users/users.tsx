/** The users: a list with its filter in the URL; a user opens beside it, or instead of it when it is the whole page. */
import { createQueryOptions } from '@connectrpc/connect-query'
import { ActionIcon, Button, Group, Menu, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { IconAdjustmentsHorizontal, IconCheck, IconDownload, IconPlus } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, Outlet, useParams } from '@tanstack/react-router'
import { memo, useCallback, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { type Density, densities, useDensity } from '../ui/density.ts'
import { Page } from '../ui/page.tsx'
import { Ago } from '../ui/time.tsx'
import { toastProblem } from '../ui/toasts.tsx'
import { useBulk } from './bulk-bar.tsx'
import { DetailPlace } from './detail-place.ts'
import { DisableUser } from './disable-user.tsx'
import { useExport } from './export.tsx'
import { FilterBar } from './filter-bar.tsx'
import { knownRows } from './places.ts'
import { orderText, requestFrom, type UsersSearch, usersSearch } from './search.ts'
import { useUserActions } from './use-user-actions.ts'
import { useUserChanges } from './use-user-changes.ts'
import { type OptionalColumn, optionalColumns, useChosenColumns, useUserColumns } from './user-columns.tsx'
import styles from './user-list.module.css'
import { UserList } from './user-list.tsx'
import { listKey, pageQuery, usePlaces } from './user-pages.ts'

const route = getRouteApi('/app/users')
const { createUser, deleteUser, listUsers } = UsersService.method

export function Users() {
  const { userId } = useParams({ strict: false })
  // Who comes here by an address of a user sees the user; who comes by the list keeps it.
  const [whole, setWhole] = useState(userId !== undefined)
  if (whole && userId === undefined) setWhole(false)
  const place = useMemo(() => ({ whole, widen: () => setWhole(true) }), [whole])
  const bulk = useBulk()
  const given = route.useSearch()
  const exporting = useExport(useMemo(() => usersSearch({ ...given }), [given]))
  return (
    <DetailPlace value={place}>
      {whole && userId !== undefined ? <Outlet /> : <UsersPage bulk={bulk} exporting={exporting} />}
    </DetailPlace>
  )
}

interface UsersPageProps {
  bulk: ReturnType<typeof useBulk>
  exporting: ReturnType<typeof useExport>
}

function UsersPage(props: UsersPageProps) {
  const given = route.useSearch()
  const wanted = listKey(usersSearch({ ...given }))
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is given
  const search = useMemo(() => usersSearch({ ...given }), [wanted])
  const client = useQueryClient()
  // The list that is shown gives way when the next one is there.
  const [shown, setShown] = useState(search)
  const pending = wanted !== listKey(shown)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the search
  useEffect(() => {
    let current = true
    const done = () => current && setShown(search)
    client.fetchQuery(pageQuery(search)).then(done, done)
    return () => {
      current = false
    }
  }, [client, wanted])
  return <ShownUsers search={shown} wanted={search} pending={pending} {...props} />
}

interface ShownUsersProps extends UsersPageProps {
  /** The list that is shown, and the one that is to be. */
  search: UsersSearch
  wanted: UsersSearch
  pending: boolean
}

function ShownUsers({ search, wanted, pending, bulk, exporting }: ShownUsersProps) {
  const { t, i18n } = useTranslation()
  const navigate = route.useNavigate()
  const client = useQueryClient()
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const [density, setDensity] = useDensity()
  const [chosen, setChosen] = useChosenColumns()
  const columns = useUserColumns(chosen)
  const pages = usePlaces(search)
  const changes = useUserChanges()
  const [disabling, setDisabling] = useState<User>()
  const [menu, setMenu] = useState<{ user: User; button: HTMLElement }>()

  const change = useCallback(
    (part: Partial<Record<keyof UsersSearch, unknown>>) =>
      void navigate({
        search: previous => usersSearch({ ...previous, ...part }),
        replace: true,
        resetScroll: false,
      }),
    [navigate],
  )
  const open = useCallback(
    (user: User, edit = false) =>
      void navigate({
        to: '/users/$userId',
        params: { userId: user.id },
        search: previous => ({ ...previous, ...(edit && { tab: 'edit' as const }) }),
        resetScroll: false,
      }),
    [navigate],
  )
  const openMenu = useCallback((user: User, button: HTMLElement) => setMenu({ user, button }), [])

  /** As many as one request gives: what is to be done to more than that is no work for a page. */
  async function selectAll(on: boolean) {
    if (!on) return bulk.clear()
    const request = { ...requestFrom(search), pageSize: 1000 }
    const first = createQueryOptions(listUsers, request, { transport })
    try {
      const { users } = await client.fetchQuery({ ...first, staleTime: 0, gcTime: 0 })
      bulk.select(users, true)
    } catch (error) {
      await toastProblem(error)
    }
  }
  async function showNew() {
    changes.seenNew()
    await pages.reload()
  }

  const known = knownRows(pages.places)
  const count = pages.places.pages.length > 0 && `${known.toLocaleString(i18n.language)}${pages.places.next ? '+' : ''}`
  const filtered = Object.keys(search).some(name => name !== 'order')
  return (
    <Page
      title={t('users.title')}
      aside={count || undefined}
      className={styles.room}
      action={
        <Actions
          density={density}
          onDensity={setDensity}
          chosen={chosen}
          onChoose={setChosen}
          exporting={exporting.busy}
          onExport={exporting.begin}
        />
      }
    >
      <Filters search={wanted} narrow={narrow} onChange={change} />
      {changes.error !== undefined && changes.seen && !changes.live && (
        <Text size="sm" c="dimmed" role="status">
          {t('users.notLive')} <Ago date={changes.seen} />
        </Text>
      )}
      {changes.created > 0 && (
        <div className={styles.note} role="status">
          <Text size="sm">{t('users.new', { count: changes.created })}</Text>
          <Button size="compact-sm" variant="default" onClick={showNew}>
            {t('users.showNew')}
          </Button>
        </div>
      )}
      {exporting.note}
      <UserList
        key={listKey(search)}
        search={search}
        pages={pages}
        columns={columns}
        density={density}
        narrow={narrow}
        selected={bulk.selected}
        pending={pending}
        onOrder={order => change({ order: orderText(order) })}
        onOpen={open}
        onMenu={openMenu}
        onSelect={bulk.select}
        onSelectAll={on => void selectAll(on)}
        empty={
          filtered
            ? {
                title: t('users.noneFound'),
                hint: t('users.noneFoundHint'),
                children: <Link to="/users">{t('users.clear')}</Link>,
              }
            : { title: t('users.none'), hint: t('users.noneHint') }
        }
      />
      {bulk.bar}
      <RowMenu menu={menu} onClose={() => setMenu(undefined)} onOpen={open} onDisable={setDisabling} />
      <DisableUser user={disabling} onClose={() => setDisabling(undefined)} />
      <Outlet />
    </Page>
  )
}

/** Pages that arrive while one scrolls draw the rows anew and nothing else. */
const Filters = memo(FilterBar)

interface ActionsProps {
  density: Density
  onDensity: (density: Density) => void
  chosen: readonly OptionalColumn[]
  onChoose: (chosen: OptionalColumn[]) => void
  exporting: boolean
  onExport: () => void
}

const Actions = memo(function Actions({ density, onDensity, chosen, onChoose, exporting, onExport }: ActionsProps) {
  const { t } = useTranslation()
  const session = useSession()
  return (
    <Group gap="xs">
      <Menu position="bottom-end" closeOnItemClick={false}>
        <Menu.Target>
          <ActionIcon variant="default" size="lg" aria-label={t('users.view')} title={t('users.view')}>
            <IconAdjustmentsHorizontal size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{t('users.density')}</Menu.Label>
          {densities.map(name => (
            <Menu.Item
              key={name}
              role="menuitemradio"
              aria-checked={density === name}
              leftSection={<Check on={density === name} />}
              onClick={() => onDensity(name)}
            >
              {t(`users.densities.${name}`)}
            </Menu.Item>
          ))}
          <Menu.Label>{t('users.columns')}</Menu.Label>
          {optionalColumns.map(name => (
            <Menu.Item
              key={name}
              role="menuitemcheckbox"
              aria-checked={chosen.includes(name)}
              leftSection={<Check on={chosen.includes(name)} />}
              onClick={() =>
                onChoose(chosen.includes(name) ? chosen.filter(other => other !== name) : [...chosen, name])
              }
            >
              {t(`users.column.${name}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {mayCall(session, listUsers) && (
        <ActionIcon
          variant="default"
          size="lg"
          onClick={onExport}
          disabled={exporting}
          aria-label={t('users.export')}
          title={t('users.export')}
        >
          <IconDownload size={18} />
        </ActionIcon>
      )}
      {mayCall(session, createUser) && (
        <Button component={Link} to="/users/new" search resetScroll={false} leftSection={<IconPlus size={16} />}>
          {t('users.create')}
        </Button>
      )}
    </Group>
  )
})

const Check = ({ on }: { on: boolean }) => <IconCheck size={14} visibility={on ? 'visible' : 'hidden'} />

interface RowMenuProps {
  menu: { user: User; button: HTMLElement } | undefined
  onClose: () => void
  onOpen: (user: User, edit?: boolean) => void
  onDisable: (user: User) => void
}

/** One menu for all rows, at the button that was pressed. */
function RowMenu({ menu, onClose, onOpen, onDisable }: RowMenuProps) {
  const { t } = useTranslation()
  const { remove, restore, enable, sendLink } = useUserActions()
  const mayChange = mayCall(useSession(), deleteUser)
  if (!menu) return null
  const { user, button } = menu
  const { right, bottom } = button.getBoundingClientRect()
  const close = () => {
    onClose()
    button.focus()
  }
  return (
    <Menu opened onClose={close} position="bottom-end" offset={2}>
      <Menu.Target>
        <span className={styles.anchor} style={{ left: right, top: bottom }} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onOpen(user)}>{t('users.open')}</Menu.Item>
        {mayChange &&
          (user.deleteTime ? (
            <Menu.Item onClick={() => restore(user)}>{t('users.undelete')}</Menu.Item>
          ) : (
            <>
              <Menu.Item onClick={() => onOpen(user, true)}>{t('users.edit')}</Menu.Item>
              <Menu.Item onClick={() => sendLink(user)}>{t('users.sendLink')}</Menu.Item>
              {user.state === UserState.DISABLED ? (
                <Menu.Item onClick={() => enable(user)}>{t('users.enable')}</Menu.Item>
              ) : (
                <Menu.Item onClick={() => onDisable(user)}>{t('users.disable')}</Menu.Item>
              )}
              <Menu.Item onClick={() => remove(user)}>{t('users.delete')}</Menu.Item>
            </>
          ))}
      </Menu.Dropdown>
    </Menu>
  )
}
