/** What came back: the answer or the stream of answers, how it went, and why it failed. */
import type { JsonValue, Registry } from '@bufbuild/protobuf'
import { fromBinary, toJson } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { file_google_rpc_error_details } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { bytesText, msText } from './amounts.ts'
import styles from './explorer.module.css'
import { JsonTree } from './json-tree.tsx'
import { Stream } from './stream.tsx'
import { type Call, statusOf } from './use-call.ts'

interface ResponseProps {
  call: Call | undefined
  registry: Registry
  onStop: () => void
  onAgain: () => void
}

export function Response({ call, registry, onStop, onAgain }: ResponseProps) {
  const { t } = useTranslation()
  if (!call) {
    return (
      <section className={styles.pane} aria-labelledby="response-title">
        <Group mih={30}>
          <Heading />
        </Group>
        <Empty title={t('explorer.response.none')} hint={t('explorer.response.noneHint')} />
      </section>
    )
  }
  return (
    <section className={styles.pane} aria-labelledby="response-title">
      <Group justify="space-between" gap="xs" mih={30}>
        <Heading />
        {call.phase !== 'ended' && (
          <Button size="compact-sm" variant="default" onClick={onStop}>
            {t(call.isStream ? 'explorer.stream.stop' : 'common.cancel')}
          </Button>
        )}
      </Group>
      <Status call={call} />
      <Stack gap="sm" mt="sm">
        {call.failure !== undefined && <Failure call={call} registry={registry} onAgain={onAgain} />}
        {call.isStream ? (
          <Stream call={call} />
        ) : (
          call.messages.map(({ number, json }) => <JsonTree key={`${call.time.getTime()} ${number}`} value={json} />)
        )}
        <Metadata call={call} />
      </Stack>
    </section>
  )
}

function Heading() {
  const { t } = useTranslation()
  return (
    <Title order={3} size="h2" id="response-title">
      {t('explorer.response.title')}
    </Title>
  )
}

/** One line: status, time, size. Read out when it changes. */
function Status({ call }: { call: Call }) {
  const { t, i18n } = useTranslation()
  const ms = useRunning(call)
  const status = statusOf(call)
  const isCut = call.isStream && call.phase === 'ended' && call.failure !== undefined && call.count > 0
  return (
    <div className={styles.status}>
      <span role="status">
        {call.phase === 'sending' && <StateMark name="starting" label={t('explorer.response.waiting')} />}
        {call.phase === 'open' && <StateMark name="healthy" label={t('explorer.stream.live')} />}
        {call.phase === 'ended' && call.stopped && <StateMark name="unknown" label={t('explorer.response.stopped')} />}
        {status === 'OK' && <StateMark name="healthy" label="OK" />}
        {call.failure !== undefined && (
          <StateMark
            name="failing"
            label={isCut ? t('explorer.stream.cut', { code: codeText(call) }) : codeText(call)}
          />
        )}
      </span>
      <span>{msText(ms, i18n.language)}</span>
      {call.count > 0 && <span>{bytesText(call.bytes, i18n.language)}</span>}
      {call.isStream && <span>{t('explorer.stream.count', { count: call.count })}</span>}
    </div>
  )
}

const codeText = ({ failure }: Call) => {
  const { code } = problemFrom(failure)
  const number = ConnectError.from(failure).code
  return code === 'UNAVAILABLE' ? `UNAVAILABLE (${Code.Unavailable})` : `${code} (${number})`
}

/** The time until now while it runs. */
function useRunning({ phase, ms, time }: Call): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (phase === 'ended') return
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [phase])
  return phase === 'ended' ? ms : Math.max(ms, now - time.getTime())
}

function Failure({ call, registry, onAgain }: { call: Call; registry: Registry; onAgain: () => void }) {
  const { t } = useTranslation()
  const problem = problemFrom(call.failure)
  const details = detailsOf(call.failure, registry)
  const { scope } = problem.metadata
  return (
    <Stack gap="sm">
      <ProblemInline error={call.failure} onRetry={onAgain}>
        {scope && (
          <Text size="sm" w="100%">
            {t('explorer.access.lacking', { scope })}
          </Text>
        )}
      </ProblemInline>
      <dl className={styles.facts}>
        {problem.reason && (
          <div>
            <dt>{t('explorer.error.reason')}</dt>
            <dd className="mono">{problem.reason}</dd>
          </div>
        )}
        <div>
          <dt>{t('explorer.error.message')}</dt>
          <dd>{problem.message}</dd>
        </div>
        {problem.traceId && (
          <div>
            <dt>{t('explorer.error.trace')}</dt>
            <dd className="mono">{problem.traceId}</dd>
          </div>
        )}
      </dl>
      {details.length > 0 && (
        <details className={styles.fold}>
          <summary>{t('explorer.error.details', { count: details.length })}</summary>
          <JsonTree value={details} />
        </details>
      )}
    </Stack>
  )
}

/** @returns the details of an error with their types, as REST has them. */
function detailsOf(failure: unknown, registry: Registry): JsonValue[] {
  const known = new Map(file_google_rpc_error_details.messages.map(desc => [desc.typeName, desc]))
  return ConnectError.from(failure).details.flatMap((detail): JsonValue[] => {
    if (!('type' in detail)) return []
    const desc = known.get(detail.type) ?? registry.getMessage(detail.type)
    if (!desc) return [{ '@type': detail.type }]
    const json = toJson(desc, fromBinary(desc, detail.value), { registry })
    return [{ '@type': detail.type, ...(typeof json === 'object' && !Array.isArray(json) && json) }]
  })
}

function Metadata({ call: { header, trailer } }: { call: Call }) {
  const { t } = useTranslation()
  if (header.length + trailer.length === 0) return null
  return (
    <details className={styles.fold}>
      <summary>{t('explorer.response.metadata', { headers: header.length, trailers: trailer.length })}</summary>
      <Pairs title={t('explorer.response.headers')} pairs={header} />
      <Pairs title={t('explorer.response.trailers')} pairs={trailer} />
    </details>
  )
}

function Pairs({ title, pairs }: { title: string; pairs: [string, string][] }) {
  if (pairs.length === 0) return null
  return (
    <table className={styles.plain}>
      <caption>{title}</caption>
      <tbody>
        {pairs.map(([name, value]) => (
          <tr key={name}>
            <th scope="row" className="mono">
              {name}
            </th>
            <td className="mono">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
