import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { InstanceView } from '../mesh/services.ts'

interface RemoveInstanceProps {
  view: InstanceView
  opened: boolean
  onClose: () => void
  onRemove: () => void
}

/** Asks for the name, and says what will happen. */
export function RemoveInstance({ view, opened, onClose, onRemove }: RemoveInstanceProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('services.action.remove', { name: view.name })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Form view={view} onClose={onClose} onRemove={onRemove} />
    </Modal>
  )
}

function Form({ view: { name, proxies }, onClose, onRemove }: Omit<RemoveInstanceProps, 'opened'>) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const right = typed.trim() === name
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        if (right) onRemove()
      }}
    >
      <Stack gap="sm">
        <Text>{t('services.removeText', { name, count: proxies.length })}</Text>
        <TextInput
          label={t('services.removeName', { name })}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" color="red" disabled={!right}>
            {t('services.action.remove', { name })}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
