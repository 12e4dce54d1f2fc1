/** "Copy as": any call of any page as curl, grpcurl or TypeScript. */
import type { DescMessage, DescMethod, MessageInitShape, Registry } from '@bufbuild/protobuf'
import { Button, Menu } from '@mantine/core'
import { IconCopy } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { type CopyKind, copyCall, copyKinds } from '../api/copy-call.ts'
import { isPublic } from '../api/policy.ts'
import { copyText } from './clipboard.ts'
import { toastDone, toastProblem } from './toasts.tsx'

interface CopyCallProps<I extends DescMessage> {
  method: DescMethod & { input: I }
  /** What the call was, or would be, made with. */
  request: MessageInitShape<I>
  /** Of the contracts, for requests with a google.protobuf.Any. */
  registry?: Registry
  disabled?: boolean
  /** Within a dialog of the browser's own, which lies above all else. */
  inDialog?: boolean
}

const names: Record<CopyKind, string> = { curl: 'curl', grpcurl: 'grpcurl', typescript: 'TypeScript' }

export function CopyCallMenu<I extends DescMessage>({
  method,
  request,
  registry,
  disabled = false,
  inDialog = false,
}: CopyCallProps<I>) {
  const { t } = useTranslation()
  const textOf = (kind: CopyKind) => copyCall(kind, { method, request, registry, origin: location.origin })
  const copy = async (kind: CopyKind) => {
    try {
      await copyText(textOf(kind) ?? '')
      const isOpen = isPublic(method) || kind === 'typescript'
      await toastDone(t(isOpen ? 'copyCall.done' : 'copyCall.doneToken', { name: names[kind] }))
    } catch (error) {
      await toastProblem(error)
    }
  }
  return (
    <Menu position={inDialog ? 'bottom-start' : 'bottom-end'} withinPortal={!inDialog} disabled={disabled}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconCopy size={14} />} disabled={disabled}>
          {t('copyCall.label')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {copyKinds.map(kind => (
          <Menu.Item key={kind} disabled={disabled || textOf(kind) === undefined} onClick={() => void copy(kind)}>
            {names[kind]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
