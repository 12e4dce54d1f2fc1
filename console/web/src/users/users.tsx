/** The list of users: filter in the URL, pages as one scrolls. */
import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Group, SegmentedControl, Select, Switch, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback, useHotkeys, useIntersection } from '@mantine/hooks'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { IconPlus, IconSearch } from '@tabler/icons-react'
import { getRouteApi, Link, Outlet } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { DisableUser } from './disable-user.tsx'
import { requestFrom, type UsersSearch } from './search.ts'
import { useUserColumns } from './user-columns.tsx'

const route = getRouteApi('/app/users')
const { createUser, listUsers } = UsersService.method

export function Users() {
  const { t } = useTranslation()
  const search = route.useSearch()
  const mayCreate = mayCall(useSession(), createUser)
  const [disabling, setDisabling] = useState<User>()
  const columns = useUserColumns(setDisabling)
  const list = useInfiniteQuery(listUsers, requestFrom(search), {
    pageParamKey: 'pageToken',
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
    placeholderData: previous => previous,
  })
  const users = list.data?.pages.flatMap(page => page.users).filter(user => search.deleted || !user.deleteTime)
  const count = users && `${users.length}${list.hasNextPage ? '+' : ''}`
  return (
    <Page
      title={t('users.title')}
      aside={count}
      action={
        mayCreate && (
          <Button component={Link} to="/users/new" search leftSection={<IconPlus size={16} />}>
            {t('users.create')}
          </Button>
        )
      }
    >
      {list.error && !users ? (
        <ProblemInline error={list.error} onRetry={list.refetch} />
      ) : (
        <>
          <Filter />
          <DataTable
            label={t('users.title')}
            columns={columns}
            rows={users}
            rowKey={({ id }) => id}
            empty={<NoUsers filtered={Object.keys(search).length > 0} />}
          />
          {users && users.length > 0 && <More query={list} />}
        </>
      )}
      <DisableUser user={disabling} onClose={() => setDisabling(undefined)} />
      <Outlet />
    </Page>
  )
}

function Filter() {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const { search, state, deleted, order } = route.useSearch()
  const input = useRef<HTMLInputElement>(null)
  const set = (change: Partial<UsersSearch>) =>
    navigate({ search: previous => ({ ...previous, ...change }), replace: true, resetScroll: false })
  const searchFor = useDebouncedCallback((text: string) => set({ search: text.trim() || undefined }), 250)
  useHotkeys([['/', () => input.current?.focus()]])
  // Back and forward change the URL; what is being typed here is not overwritten by it.
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = search ?? ''
  }, [search])
  return (
    <Group gap="sm">
      <TextInput
        ref={input}
        defaultValue={search ?? ''}
        onChange={event => searchFor(event.currentTarget.value)}
        aria-label={t('users.search')}
        placeholder={t('users.search')}
        leftSection={<IconSearch size={16} />}
        maxLength={100}
        flex="1 1 240px"
        maw={360}
      />
      <SegmentedControl
        aria-label={t('users.filter')}
        value={state ?? 'all'}
        onChange={value => set({ state: value === 'all' ? undefined : (value as 'active' | 'disabled') })}
        data={[
          { value: 'all', label: t('users.all') },
          { value: 'active', label: t('users.active') },
          { value: 'disabled', label: t('users.disabled') },
        ]}
      />
      <Select
        aria-label={t('users.order')}
        w={150}
        allowDeselect={false}
        value={order ?? 'newest'}
        onChange={value => set({ order: value === 'email' || value === 'name' ? value : undefined })}
        data={[
          { value: 'newest', label: t('users.newest') },
          { value: 'name', label: t('users.byName') },
          { value: 'email', label: t('users.byEmail') },
        ]}
      />
      <Switch
        label={t('users.showDeleted')}
        checked={deleted ?? false}
        onChange={event => set({ deleted: event.currentTarget.checked || undefined })}
      />
    </Group>
  )
}

function NoUsers({ filtered }: { filtered: boolean }) {
  const { t } = useTranslation()
  if (!filtered) return <Empty title={t('users.none')} />
  return (
    <Empty title={t('users.noneFound')} hint={t('users.noneFoundHint')}>
      <Link to="/users">{t('users.clear')}</Link>
    </Empty>
  )
}

interface MoreProps {
  query: {
    hasNextPage: boolean
    isFetchingNextPage: boolean
    isFetchNextPageError: boolean
    error: unknown
    fetchNextPage: () => unknown
  }
}

/** Asks for the next page when the end of the list comes near; also a button, for those who do not scroll. */
function More({ query: { hasNextPage, isFetchingNextPage, isFetchNextPageError, error, fetchNextPage } }: MoreProps) {
  const { t } = useTranslation()
  const { ref, entry } = useIntersection({ rootMargin: '400px' })
  const near = entry?.isIntersecting
  useEffect(() => {
    if (near && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [near, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])
  return (
    <Group ref={ref} justify="center" mih={36}>
      {isFetchNextPageError && <ProblemInline error={error} onRetry={fetchNextPage as () => void} />}
      {hasNextPage && !isFetchNextPageError && (
        <Button variant="subtle" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
      {!hasNextPage && (
        <Text c="dimmed" size="sm">
          {t('users.end')}
        </Text>
      )}
    </Group>
  )
}
