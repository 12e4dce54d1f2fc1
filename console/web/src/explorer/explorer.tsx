/** The API explorer: every method that the mesh serves, with its documentation, to be called as oneself. */
import { Anchor, Group, Skeleton, Stack } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconArrowLeft } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { type Contracts, descriptorsPath, idOf, useContracts } from './contracts.ts'
import styles from './explorer.module.css'
import { MethodList } from './method-list.tsx'
import { MethodPage } from './method-page.tsx'

const route = getRouteApi('/app/explorer')

export function Explorer() {
  const { t } = useTranslation()
  const { data, error, refetch } = useContracts()
  return (
    <Page
      title={t('nav.explorer')}
      aside={data && t('explorer.count', { count: data.methods.size })}
      action={
        <Group gap="md" fz="sm">
          <Anchor href="/openapi.json" target="_blank" fz="sm">
            OpenAPI 3.1
          </Anchor>
          <Anchor href={descriptorsPath} download fz="sm">
            {t('explorer.descriptors')}
          </Anchor>
        </Group>
      }
    >
      {data ? <Contents contracts={data} /> : error ? <ProblemInline error={error} onRetry={refetch} /> : <Loading />}
    </Page>
  )
}

function Contents({ contracts }: { contracts: Contracts }) {
  const { t } = useTranslation()
  const { method: id, find } = route.useSearch()
  const narrow = useMediaQuery('(max-width: 62em)', undefined, { getInitialValueInEffect: false })
  const method = id === undefined ? undefined : contracts.methods.get(id)
  if (contracts.services.length === 0) return <Empty title={t('explorer.empty')} hint={t('explorer.emptyHint')} />
  const page = method && <MethodPage key={idOf(method)} method={method} registry={contracts.registry} />
  const none = (
    <Empty
      title={t(id === undefined ? 'explorer.choose' : 'explorer.missing')}
      hint={id === undefined ? t('explorer.chooseHint') : t('explorer.missingHint', { name: id })}
    />
  )
  if (narrow) {
    if (id === undefined) return <MethodList contracts={contracts} current={undefined} />
    return (
      <Stack gap="sm">
        <Link to="/explorer" search={find ? { find } : {}} className={styles.back}>
          <IconArrowLeft size={14} aria-hidden="true" /> {t('explorer.allMethods')}
        </Link>
        {page ?? none}
      </Stack>
    )
  }
  return (
    <div className={styles.columns}>
      <MethodList contracts={contracts} current={method} />
      <div className={styles.main}>{page ?? none}</div>
    </div>
  )
}

function Loading() {
  const { t } = useTranslation()
  return (
    <div className={styles.columns} role="status" aria-label={t('common.loading')}>
      <Stack gap="xs">
        {Array.from({ length: 10 }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
          <Skeleton key={index} height={18} width={`${60 + ((index * 17) % 35)}%`} />
        ))}
      </Stack>
      <Stack gap="sm">
        <Skeleton height={24} width="30%" />
        <Skeleton height={14} width="60%" />
        <Skeleton height={180} />
      </Stack>
    </div>
  )
}
