import { Text } from '@mantine/core'
import { EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { QuestionDialog } from '../ui/question.tsx'
import { toastDone } from '../ui/toasts.tsx'
import { act } from './calls.ts'
import type { GroupName } from './dead-letters.tsx'

const { deleteGroup } = EventsService.method

export function DeleteGroup({ stream, group, onClose }: GroupName & { onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <QuestionDialog
      title={t('events.delete.title', { group })}
      name={group}
      action={t('events.delete.action')}
      onSure={async () => {
        await act(deleteGroup, { stream, group })
        onClose()
        void toastDone(t('events.delete.done', { group }))
      }}
      onClose={onClose}
    >
      <Text>{t('events.delete.text', { group, stream })}</Text>
      <div>
        <CopyCallMenu method={deleteGroup} request={{ stream, group }} inDialog />
      </div>
    </QuestionDialog>
  )
}
