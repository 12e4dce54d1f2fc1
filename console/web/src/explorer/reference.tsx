/** The messages of a method, field by field, with their rules and what the contract says of them. */
import type { DescEnum, DescField, DescMessage, DescMethod } from '@bufbuild/protobuf'
import { Stack, Text, Title } from '@mantine/core'
import { commentOf } from '@site11/proto/comments'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Comment } from './comment.tsx'
import styles from './explorer.module.css'
import { constraints, isOneValue, isOutputOnly, isRequired, typeName } from './field-facts.ts'

export function Reference({ method }: { method: DescMethod }) {
  const { t } = useTranslation()
  return (
    <Stack gap="xl">
      <MessageTables title={t('explorer.reference.request')} message={method.input} />
      <MessageTables title={t('explorer.reference.response')} message={method.output} />
    </Stack>
  )
}

function MessageTables({ title, message }: { title: string; message: DescMessage }) {
  const { messages, enums } = partsOf(message)
  return (
    <Stack gap="md" component="section">
      <Title order={3} size="h2">
        {title}
      </Title>
      {messages.map(each => (
        <MessageTable key={each.typeName} message={each} />
      ))}
      {enums.map(each => (
        <EnumTable key={each.typeName} desc={each} />
      ))}
    </Stack>
  )
}

function MessageTable({ message }: { message: DescMessage }) {
  const { t } = useTranslation()
  const columns: Column<DescField>[] = [
    {
      key: 'field',
      header: t('explorer.reference.field'),
      width: 150,
      cell: field => (
        <span className="mono">
          {field.jsonName}
          {field.oneof && <span className={styles.type}> oneof {field.oneof.name}</span>}
        </span>
      ),
    },
    {
      key: 'type',
      header: t('explorer.reference.type'),
      width: 140,
      cell: field => <span className={`mono ${styles.type}`}>{typeName(field)}</span>,
    },
    { key: 'rules', header: t('explorer.reference.rules'), width: 190, cell: field => <Rules field={field} /> },
    { key: 'about', header: t('explorer.reference.about'), cell: field => <Comment text={commentOf(field)} /> },
  ]
  return (
    <div>
      <Heading name={message.typeName} about={commentOf(message)} />
      {message.fields.length > 0 ? (
        <DataTable
          label={message.name}
          columns={columns}
          rows={message.fields}
          rowKey={({ name }) => name}
          empty={undefined}
        />
      ) : (
        <Text size="sm" c="dimmed">
          {t('explorer.reference.noFields')}
        </Text>
      )}
    </div>
  )
}

function Rules({ field }: { field: DescField }) {
  const { t } = useTranslation()
  const rules = [
    ...(isRequired(field) ? [t('explorer.form.required')] : []),
    ...(isOutputOnly(field) ? [t('explorer.reference.outputOnly')] : []),
  ]
  return (
    <>
      {rules.map(rule => (
        <div key={rule}>{rule}</div>
      ))}
      {constraints(field).map(rule => (
        <div key={rule} className={`mono ${styles.rule}`}>
          {rule}
        </div>
      ))}
    </>
  )
}

function EnumTable({ desc }: { desc: DescEnum }) {
  const { t } = useTranslation()
  const columns: Column<DescEnum['values'][number]>[] = [
    {
      key: 'value',
      header: t('explorer.reference.value'),
      width: 380,
      cell: ({ name }) => <span className="mono">{name}</span>,
    },
    { key: 'about', header: t('explorer.reference.about'), cell: value => <Comment text={commentOf(value)} /> },
  ]
  return (
    <div>
      <Heading name={desc.typeName} about={commentOf(desc)} />
      <DataTable label={desc.name} columns={columns} rows={desc.values} rowKey={({ name }) => name} empty={undefined} />
    </div>
  )
}

function Heading({ name, about }: { name: string; about: string }) {
  return (
    <>
      <Title order={4} size="h3" fz="md" className="mono">
        {name.slice(name.lastIndexOf('.') + 1)}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        <Comment text={about} />
      </Text>
    </>
  )
}

/** The message and all that its fields lead to, each once; what everybody knows by its name is left out. */
function partsOf(root: DescMessage): { messages: DescMessage[]; enums: DescEnum[] } {
  const messages = new Set<DescMessage>()
  const enums = new Set<DescEnum>()
  const visit = (message: DescMessage) => {
    if (messages.has(message) || isOneValue(message)) return
    messages.add(message)
    for (const field of message.fields) {
      if (field.message) visit(field.message)
      if (field.enum) enums.add(field.enum)
    }
  }
  visit(root)
  return { messages: [...messages], enums: [...enums] }
}
