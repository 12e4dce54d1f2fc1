/** "Copy as": a call that is not made yet, as curl, grpcurl or TypeScript. Those that were made are in `page-calls.tsx`. */
import type { DescMessage, DescMethod, MessageInitShape, Registry } from '@bufbuild/protobuf'
import { Button, Menu } from '@mantine/core'
import { IconCopy } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { type CopyKind, copyCall, copyKinds } from '../api/copy-call.ts'
import { copyKindNames, useCopyCall } from './use-copy-call.ts'

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

export function CopyCallMenu<I extends DescMessage>({
  method,
  request,
  registry,
  disabled = false,
  inDialog = false,
}: CopyCallProps<I>) {
  const { t } = useTranslation()
  const textOf = (kind: CopyKind) => copyCall(kind, { method, request, registry, origin: location.origin })
  const copy = useCopyCall()
  return (
    <Menu position={inDialog ? 'bottom-start' : 'bottom-end'} withinPortal={!inDialog} disabled={disabled}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconCopy size={14} />} disabled={disabled}>
          {t('copyCall.label')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {copyKinds.map(kind => (
          <Menu.Item
            key={kind}
            disabled={disabled || textOf(kind) === undefined}
            onClick={() => void copy(method, kind, textOf(kind) ?? '')}
          >
            {copyKindNames[kind]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
