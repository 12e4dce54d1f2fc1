/** An event, whole: what, to what, when, by which trace, and its payload. */
import type { JsonValue } from '@bufbuild/protobuf'
import { fromBinary, toJson } from '@bufbuild/protobuf'
import { Text, Title } from '@mantine/core'
import type { Event } from '@site11/proto/es/site11/types/v1/event_pb.ts'
import { useTranslation } from 'react-i18next'
import { useContracts } from '../explorer/contracts.ts'
import { JsonTree } from '../explorer/json-tree.tsx'
import { SubjectLink } from '../mesh/links.tsx'
import { dateOf } from '../mesh/state.ts'
import { Id } from '../ui/copy.tsx'
import { absolute } from '../ui/format.ts'
import records from '../ui/record-rows.module.css'
import { traceIdOf } from './figures.ts'

interface EventFactsProps {
  stream: string
  event: Event
  /** As the Console has it: JSON, or empty when it does not know the type. */
  payload: string
}

export function EventFacts({ stream, event, payload }: EventFactsProps) {
  const { t, i18n } = useTranslation()
  const { id, source, type, subject, time, traceparent, sequence } = event
  const date = dateOf(time)
  const traceId = traceIdOf(traceparent)
  return (
    <>
      <dl className={records.facts}>
        <dt>{t('events.typeTitle')}</dt>
        <dd className="mono">{type || t('events.unreadable')}</dd>
        <dt>{t('events.subjectTitle')}</dt>
        <dd>
          <SubjectLink subject={subject}>{subject}</SubjectLink>
        </dd>
        <dt>{t('events.stream')}</dt>
        <dd>{stream}</dd>
        {date && (
          <>
            <dt>{t('activity.when')}</dt>
            <dd>{absolute(date, i18n.language)}</dd>
          </>
        )}
        <dt>{t('events.sequence')}</dt>
        <dd>{String(sequence)}</dd>
        {traceId && (
          <>
            <dt>{t('events.trace')}</dt>
            <dd>
              <Id value={traceId} />
            </dd>
          </>
        )}
        <dt>{t('events.id')}</dt>
        <dd>
          <Id value={id} />
        </dd>
        {source && (
          <>
            <dt>{t('events.source')}</dt>
            <dd className="mono">{source}</dd>
          </>
        )}
      </dl>
      <section>
        <Title order={3} size="sm" mb={6}>
          {t('events.payload')}
        </Title>
        {payload ? <Payload value={JSON.parse(payload)} /> : <OwnPayload event={event} />}
      </section>
    </>
  )
}

function Payload({ value }: { value: JsonValue }) {
  const { t } = useTranslation()
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
  if (isEmpty) return <Text c="dimmed">{t('events.noPayload')}</Text>
  return <JsonTree value={value} />
}

/** The Console may not know a contract that a service has brought with it: what the mesh serves now is asked as well. */
function OwnPayload({ event: { type, data } }: { event: Event }) {
  const { t } = useTranslation()
  const { data: contracts, isPending } = useContracts()
  if (isPending) return null
  try {
    const desc = contracts?.registry.getMessage(type)
    if (desc && contracts) {
      return <Payload value={toJson(desc, fromBinary(desc, data), { registry: contracts.registry })} />
    }
  } catch {
    // Damaged: as if its type were not known.
  }
  return <Text c="dimmed">{t('events.unknownPayload', { count: data.length })}</Text>
}
