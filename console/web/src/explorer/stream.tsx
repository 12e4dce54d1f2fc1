/** The messages of a stream, the last one first, as they come. While it is paused what one reads stays where it is. */
import { Button, Group, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { msText } from './amounts.ts'
import styles from './explorer.module.css'
import { JsonTree } from './json-tree.tsx'
import type { Call, Received } from './use-call.ts'

/** More are shown when asked for. */
const part = 50

export function Stream({ call }: { call: Call }) {
  const { t } = useTranslation()
  const [held, setHeld] = useState<{ call: number; messages: readonly Received[] }>()
  const [shown, setShown] = useState(part)
  const isHeld = held?.call === call.time.getTime()
  const messages = isHeld ? held.messages : call.messages
  const missed = call.count - (messages.at(-1)?.number ?? 0)
  const last = messages.slice(-shown).toReversed()
  return (
    <div>
      <Group justify="space-between" mih={30} mb={4}>
        <Text size="sm" c="dimmed">
          {call.messages.length < call.count
            ? t('explorer.stream.kept', { count: call.count, kept: call.messages.length })
            : t('explorer.stream.newestFirst')}
        </Text>
        {(call.phase !== 'ended' || isHeld) && (
          <Button
            size="compact-sm"
            variant="default"
            aria-pressed={isHeld}
            onClick={() => setHeld(isHeld ? undefined : { call: call.time.getTime(), messages: call.messages })}
          >
            {isHeld ? t('explorer.stream.resume', { count: missed }) : t('explorer.stream.pause')}
          </Button>
        )}
      </Group>
      {last.length === 0 && call.phase !== 'ended' && (
        <Text size="sm" c="dimmed" py="md">
          {t('explorer.stream.none')}
        </Text>
      )}
      <ol className={styles.messages} aria-label={t('explorer.stream.messages')} reversed>
        {last.map((received, index) => (
          <Message
            key={`${call.time.getTime()} ${received.number}`}
            received={received}
            isOpen={index === 0 && !isHeld}
          />
        ))}
      </ol>
      {messages.length > shown && (
        <Button size="compact-sm" variant="subtle" onClick={() => setShown(shown + part)}>
          {t('common.more')}
        </Button>
      )}
    </div>
  )
}

function Message({ received: { number, ms, json }, isOpen }: { received: Received; isOpen: boolean }) {
  const { i18n } = useTranslation()
  const [chosen, setChosen] = useState<boolean>()
  const open = chosen ?? isOpen
  return (
    <li value={number}>
      <button type="button" className={styles.message} aria-expanded={open} onClick={() => setChosen(!open)}>
        <span className={styles.number}>{number}</span>
        <span className={styles.number}>+{msText(ms, i18n.language)}</span>
        <span className={styles.preview}>{JSON.stringify(json).slice(0, 200)}</span>
      </button>
      {open && <JsonTree value={json} />}
    </li>
  )
}
