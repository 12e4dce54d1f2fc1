/** Has a group read the stream again. What has had its effect has none again, unless that is what one wants. */
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { Radio, Select, Stack, Text } from '@mantine/core'
import { EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { rangeMs, ranges } from '../activity/search.ts'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { QuestionDialog } from '../ui/question.tsx'
import { toastDone } from '../ui/toasts.tsx'
import { act } from './calls.ts'
import type { GroupName } from './dead-letters.tsx'

const { replayEvents } = EventsService.method

export function Replay({ stream, group, onClose }: GroupName & { onClose: () => void }) {
  const { t } = useTranslation()
  const [range, setRange] = useState<(typeof ranges)[number] | 'all'>('1h')
  const [again, setAgain] = useState(false)
  const [nowMs] = useState(Date.now)
  const from = timestampFromMs(range === 'all' ? 0 : nowMs - rangeMs[range])
  return (
    <QuestionDialog
      title={t('events.replay.title', { group })}
      name={again ? group : undefined}
      action={t('events.replay.action')}
      onSure={async () => {
        await act(replayEvents, { stream, group, from, again })
        onClose()
        void toastDone(t('events.replay.done', { group }))
      }}
      onClose={onClose}
    >
      <Select
        label={t('events.replay.from')}
        allowDeselect={false}
        comboboxProps={{ withinPortal: false }}
        value={range}
        onChange={value => setRange(ranges.find(each => each === value) ?? 'all')}
        data={[
          ...ranges.map(value => ({ value, label: t(`activity.ranges.${value}`) })),
          { value: 'all', label: t('events.replay.all') },
        ]}
      />
      <Radio.Group
        label={t('events.replay.which')}
        value={again ? 'again' : 'missed'}
        onChange={value => setAgain(value === 'again')}
      >
        <Stack gap="xs" mt={6}>
          <Radio value="missed" label={t('events.replay.missed')} description={t('events.replay.missedText')} />
          <Radio value="again" label={t('events.replay.again')} description={t('events.replay.againText', { group })} />
        </Stack>
      </Radio.Group>
      {again && (
        <Text c="red" size="sm" role="alert">
          {t('events.replay.warning')}
        </Text>
      )}
      <div>
        <CopyCallMenu method={replayEvents} request={{ stream, group, from, again }} inDialog />
      </div>
    </QuestionDialog>
  )
}
