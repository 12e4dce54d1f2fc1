/** What the filter matches as a CSV file: page by page, so that neither the page nor the server holds all of it at once. */
import { create } from '@bufbuild/protobuf'
import { Button, Text } from '@mantine/core'
import {
  ListUsersRequestSchema,
  type ListUsersResponse,
  UsersService,
} from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { problemFrom } from '../api/problem.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { csvHead, csvLines } from './csv.ts'
import { requestFrom, type UsersSearch } from './search.ts'
import styles from './user-list.module.css'

const pageSize = 1000
/** Waits before a page that could not be had is asked for again, ms. */
const retryMs = [500, 2_000, 5_000]

/**
 * @param onRows is told how many rows there are, page by page.
 * @returns the file. Its parts are the browser's to keep, on disk when they are many.
 */
async function exportUsers(search: UsersSearch, signal: AbortSignal, onRows: (rows: number) => void): Promise<Blob> {
  const parts: Blob[] = [new Blob([csvHead])]
  let rows = 0
  let pageToken = ''
  do {
    const { users, nextPageToken } = await page(search, pageToken, signal)
    parts.push(new Blob([csvLines(users)]))
    rows += users.length
    onRows(rows)
    pageToken = nextPageToken
  } while (pageToken)
  return new Blob(parts, { type: 'text/csv;charset=utf-8' })
}

async function page(search: UsersSearch, pageToken: string, signal: AbortSignal): Promise<ListUsersResponse> {
  const request = create(ListUsersRequestSchema, { ...requestFrom(search, pageToken), pageSize })
  for (let attempt = 0; ; attempt++) {
    try {
      const { listUsers } = UsersService.method
      return (await transport.unary(listUsers, signal, undefined, undefined, request)).message as ListUsersResponse
    } catch (error) {
      const wait = retryMs[attempt]
      if (wait === undefined || signal.aborted || problemFrom(error).code !== 'UNAVAILABLE') throw error
      await new Promise(resolve => setTimeout(resolve, wait))
    }
  }
}

function save(file: Blob) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = `users-${new Date().toISOString().slice(0, 10)}.csv`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** @returns a way to begin, and what shows how it goes. */
export function useExport(search: UsersSearch) {
  const { t, i18n } = useTranslation()
  const [rows, setRows] = useState<number>()
  const [error, setError] = useState<unknown>()
  const stop = useRef<AbortController>(undefined)
  useEffect(() => () => stop.current?.abort(), [])

  const begin = useCallback(async () => {
    stop.current?.abort()
    const own = new AbortController()
    stop.current = own
    setError(undefined)
    setRows(0)
    try {
      save(await exportUsers(search, own.signal, setRows))
    } catch (thrown) {
      if (!own.signal.aborted) setError(thrown)
    } finally {
      if (stop.current === own) setRows(undefined)
    }
  }, [search])

  const note = (
    <>
      {rows !== undefined && (
        <section className={styles.note} role="status" aria-label={t('users.export')}>
          <Text size="sm">{t('users.exporting', { rows: rows.toLocaleString(i18n.language) })}</Text>
          <Button size="compact-sm" variant="default" onClick={() => stop.current?.abort()}>
            {t('common.cancel')}
          </Button>
        </section>
      )}
      {error !== undefined && <ProblemInline error={error} onRetry={begin} />}
    </>
  )
  return { begin, note, busy: rows !== undefined }
}
