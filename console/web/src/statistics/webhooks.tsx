/** Where alerts are told of: addresses, with a way to try each. */
import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Code, CopyButton, Group, Menu, Stack, Text, TextInput } from '@mantine/core'
import {
  type AlertDelivery,
  AlertsService,
  type AlertWebhook,
  CreateAlertWebhookRequestSchema,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { IconPlus } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { QuestionDialog } from '../ui/question.tsx'
import { RowMenu } from '../ui/row-menu.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { StateMark } from '../ui/state.tsx'
import { toastProblem } from '../ui/toasts.tsx'
import { deliveryMark } from './alert-state.ts'
import { refreshAlerts } from './refresh.ts'
import styles from './statistics.module.css'
import { useAct } from './use-act.ts'

const { listAlertWebhooks, createAlertWebhook, updateAlertWebhook, deleteAlertWebhook, testAlertWebhook } =
  AlertsService.method

export function Webhooks() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const act = useAct(refreshAlerts)
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Pick<AlertWebhook, 'id' | 'title' | 'etag'>>()
  /** What came of trying each, since this page is there. */
  const [tried, setTried] = useState<ReadonlyMap<string, AlertDelivery | 'trying'>>(new Map())
  const { data, error, refetch } = useQuery(listAlertWebhooks, { pageSize: 200 })
  const testing = useMutation(testAlertWebhook)
  const updating = useMutation(updateAlertWebhook)
  const deleting = useMutation(deleteAlertWebhook)
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />

  const note = (id: string, result: AlertDelivery | 'trying' | undefined) =>
    setTried(before => {
      const next = new Map(before)
      if (result) next.set(id, result)
      else next.delete(id)
      return next
    })
  async function tryOut(id: string) {
    note(id, 'trying')
    try {
      note(id, (await testing.mutateAsync({ id })).alertDelivery)
    } catch (thrown) {
      note(id, undefined)
      await toastProblem(thrown)
    }
  }
  const setPaused = (id: string, paused: boolean) =>
    updating.mutateAsync({ alertWebhook: { id, paused }, updateMask: { paths: ['paused'] } })
  const columns: Column<AlertWebhook>[] = [
    {
      key: 'title',
      header: t('statistics.webhook.one'),
      cell: ({ id, title, url, paused }) => (
        <>
          {title}
          {paused && <span className={styles.hint}> · {t('statistics.alert.states.paused')}</span>}
          <div className={`${styles.hint} mono`}>{url}</div>
          <Tried result={tried.get(id)} />
        </>
      ),
    },
    {
      key: 'acts',
      header: t('common.actions'),
      quiet: true,
      width: 170,
      cell: ({ id, title, paused, etag }) => (
        <Group gap={6} wrap="nowrap" justify="flex-end">
          <Button
            size="compact-sm"
            variant="default"
            loading={tried.get(id) === 'trying'}
            onClick={() => void tryOut(id)}
          >
            {t('statistics.webhook.test')}
          </Button>
          <RowMenu name={title}>
            <Menu.Item onClick={() => void act(() => setPaused(id, !paused))}>
              {t(paused ? 'statistics.webhook.resume' : 'statistics.webhook.pause')}
            </Menu.Item>
            <Menu.Item onClick={() => setRemoving({ id, title, etag })}>{t('statistics.webhook.delete')}</Menu.Item>
          </RowMenu>
        </Group>
      ),
    },
  ]
  return (
    <>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('statistics.webhook.hint')}
        </Text>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
          {t('statistics.webhook.create')}
        </Button>
      </Group>
      <DataTable
        label={t('statistics.alert.parts.webhooks')}
        columns={columns}
        rows={data?.alertWebhooks}
        rowKey={({ id }) => id}
        empty={<Empty title={t('statistics.webhook.none')} hint={t('statistics.webhook.noneHint')} />}
      />
      {adding && <NewWebhook onClose={() => setAdding(false)} />}
      {removing && (
        <QuestionDialog
          title={t('statistics.webhook.delete')}
          name={removing.title}
          action={t('statistics.webhook.delete')}
          onClose={() => setRemoving(undefined)}
          onSure={async () => {
            await deleting.mutateAsync({ id: removing.id, etag: removing.etag })
            await refreshAlerts(client)
            setRemoving(undefined)
          }}
        >
          <Text>{t('statistics.webhook.deleteText')}</Text>
        </QuestionDialog>
      )}
    </>
  )
}

function Tried({ result }: { result: AlertDelivery | 'trying' | undefined }) {
  const { t } = useTranslation()
  if (!result || result === 'trying') return null
  const { mark, word } = deliveryMark(result.state)
  return (
    <div role="status" className={styles.hint}>
      <StateMark name={mark} label={t(`statistics.webhook.${word}`)} />{' '}
      {[result.httpStatus > 0 && `HTTP ${result.httpStatus}`, `${result.durationMs} ms`, result.error]
        .filter(Boolean)
        .join(' · ')}
    </div>
  )
}

const initialValues = { alertWebhook: { title: '', url: '' } }

function NewWebhook({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [secret, setSecret] = useState('')
  const creating = useMutation(createAlertWebhook)
  const { form, failure, sending, submit } = useContractForm(CreateAlertWebhookRequestSchema, initialValues)
  const send = async (values: typeof initialValues) => {
    const made = await creating.mutateAsync(values)
    await refreshAlerts(client)
    setSecret(made.secret)
  }
  return (
    <SideDrawer opened onClose={onClose} title={t('statistics.webhook.create')}>
      {secret ? (
        <Stack gap="sm">
          <Text>{t('statistics.webhook.secret')}</Text>
          <Code block>{secret}</Code>
          <Group justify="flex-end">
            <CopyButton value={secret}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy}>
                  {t(copied ? 'common.copied' : 'common.copy')}
                </Button>
              )}
            </CopyButton>
            <Button onClick={onClose}>{t('common.close')}</Button>
          </Group>
        </Stack>
      ) : (
        <form noValidate onSubmit={submit(send)}>
          <Stack gap="sm">
            <TextInput
              label={t('statistics.webhook.title')}
              data-autofocus
              {...form.getInputProps('alertWebhook.title')}
            />
            <TextInput
              type="url"
              label={t('statistics.webhook.url')}
              description={t('statistics.webhook.urlHint')}
              placeholder="https://example.com/hooks/site11"
              {...form.getInputProps('alertWebhook.url')}
            />
            {failure !== undefined && <ProblemInline error={failure} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {t('common.cancel')}
              </Button>
              <Button type="submit" loading={sending}>
                {t('statistics.webhook.create')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </SideDrawer>
  )
}
