import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

/** An id: short, the whole on hover and in the clipboard. */
export function Id({ value }: { value: string }) {
  const { t } = useTranslation()
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <span style={{ whiteSpace: 'nowrap' }}>
          <span className="mono" title={value}>
            {value.length > 12 ? `…${value.slice(-8)}` : value}
          </span>
          <Tooltip label={t(copied ? 'common.copied' : 'common.copy')}>
            <ActionIcon variant="subtle" color="gray" size="xs" ml={4} onClick={copy} aria-label={t('common.copy')}>
              {copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
            </ActionIcon>
          </Tooltip>
        </span>
      )}
    </CopyButton>
  )
}
