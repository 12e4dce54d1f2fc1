/** A dashboard from a file or from text; what is wrong with it is named by its place. */
import type { JsonObject } from '@bufbuild/protobuf'
import { useMutation } from '@connectrpc/connect-query'
import { Button, FileButton, Group, Stack, Textarea } from '@mantine/core'
import { DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type FieldViolation, problemFrom } from '../api/problem.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { refreshDashboards } from './refresh.ts'
import { useSearch } from './use-search.ts'

export function ImportDashboard({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { set } = useSearch()
  const [text, setText] = useState('')
  const [flaw, setFlaw] = useState('')
  const importing = useMutation(DashboardsService.method.importDashboard)
  const { reason, violations } = problemFrom(importing.error)
  const wrong = reason === 'INVALID_FIELD' ? violations : []
  function write(next: string) {
    setText(next)
    // What is said of it was said of another text.
    setFlaw('')
    importing.reset()
  }
  async function send() {
    let document: JsonObject
    try {
      document = JSON.parse(text) as JsonObject
    } catch (error) {
      return setFlaw(t('statistics.dashboard.notJson', { why: (error as Error).message }))
    }
    if (typeof document !== 'object' || document === null || Array.isArray(document)) {
      return setFlaw(t('statistics.dashboard.notObject'))
    }
    setFlaw('')
    const { dashboard } = await importing.mutateAsync({ document })
    await refreshDashboards(client)
    onClose()
    if (dashboard) set({ id: dashboard.id }, true)
  }
  return (
    <SideDrawer opened onClose={onClose} title={t('statistics.dashboard.import')}>
      <form
        onSubmit={event => {
          event.preventDefault()
          // What the server says of it stands below.
          send().catch(() => undefined)
        }}
      >
        <Stack gap="sm">
          <FileButton accept="application/json,.json" onChange={async file => file && write(await file.text())}>
            {props => (
              <Button variant="default" {...props}>
                {t('statistics.dashboard.chooseFile')}
              </Button>
            )}
          </FileButton>
          <Textarea
            label={t('statistics.dashboard.document')}
            description={t('statistics.dashboard.documentHint')}
            classNames={{ input: 'mono' }}
            autosize
            minRows={10}
            maxRows={24}
            value={text}
            error={flaw || (wrong.length > 0 && <Places wrong={wrong} />)}
            onChange={event => write(event.currentTarget.value)}
          />
          {importing.error && wrong.length === 0 && <ProblemInline error={importing.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" loading={importing.isPending} disabled={!text.trim()}>
              {t('statistics.dashboard.import')}
            </Button>
          </Group>
        </Stack>
      </form>
    </SideDrawer>
  )
}

/** Where the document is not right, and how. */
function Places({ wrong }: { wrong: FieldViolation[] }) {
  return wrong.map(({ field, description }) => (
    <span key={field + description} style={{ display: 'block' }}>
      <span className="mono">{field.replace(/^document\.?/, '')}</span> {description}
    </span>
  ))
}
