/** Asks before what cannot be taken back: says what will happen, and wants the name of what it happens to. */
import { Button, Group, Stack, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Modal } from '../palette/modal.tsx'
import { ProblemInline } from './problem.tsx'
import styles from './question.module.css'

interface NamedQuestionProps {
  title: string
  /** Asked for; undefined asks for none, as it does no harm. */
  name: string | undefined
  /** The verb. */
  action: string
  onSure: () => Promise<void>
  onClose: () => void
  children: ReactNode
}

/** Over the page. */
export function QuestionDialog(props: NamedQuestionProps) {
  return (
    <Modal label={props.title} className={styles.dialog} onClose={props.onClose}>
      <NamedQuestion {...props} />
    </Modal>
  )
}

/** Within what is a dialog already. */
export function NamedQuestion({ title, name, action, onSure, onClose, children }: NamedQuestionProps) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const doing = useMutation({ mutationFn: onSure })
  const isSure = name === undefined || typed.trim() === name
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSure && !doing.isPending) doing.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Title order={2}>{title}</Title>
        {children}
        {name !== undefined && (
          <TextInput
            autoFocus
            label={t('common.typeName', { name })}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={event => setTyped(event.currentTarget.value)}
          />
        )}
        {doing.error && <ProblemInline error={doing.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" disabled={!isSure} loading={doing.isPending}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
