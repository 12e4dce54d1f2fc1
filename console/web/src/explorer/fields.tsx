/** The form of a message: one input for each field, nested messages within, whatever the contract has. */
import type { DescField, DescMessage, DescOneof, JsonObject, JsonValue } from '@bufbuild/protobuf'
import { ActionIcon, Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { commentOf } from '@site11/proto/comments'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { isObject } from '../api/rest-call.ts'
import { Comment } from './comment.tsx'
import { at, atItem, atKey, atKeyOf, fieldValue, withValue } from './draft.ts'
import styles from './explorer.module.css'
import { constraints, emptyValue, isOneValue, isOutputOnly, isRequired, typeName } from './field-facts.ts'
import { inputId, useRequestForm } from './form-context.ts'
import { SingleInput } from './single-input.tsx'

interface MessageFieldsProps {
  message: DescMessage
  json: JsonObject
  path: string
  onChange: (json: JsonObject) => void
}

export function MessageFields({ message, json, path, onChange }: MessageFieldsProps) {
  const set = (field: DescField) => (value: JsonValue | undefined) => onChange(withValue(json, field, value))
  // What only the server sets is offered when it is there already.
  const members = message.members.filter(
    member => member.kind === 'oneof' || !isOutputOnly(member) || fieldValue(json, member) !== undefined,
  )
  return (
    <Stack gap="md">
      {members.map(member =>
        member.kind === 'oneof' ? (
          <Oneof key={member.name} oneof={member} json={json} path={path} onChange={onChange} />
        ) : (
          <Field
            key={member.name}
            field={member}
            value={fieldValue(json, member)}
            path={at(path, member)}
            onChange={set(member)}
          />
        ),
      )}
    </Stack>
  )
}

interface FieldProps {
  field: DescField
  value: JsonValue | undefined
  path: string
  onChange: (value: JsonValue | undefined) => void
  keep?: boolean
}

function Field(props: FieldProps) {
  const { field } = props
  if (field.fieldKind === 'list') return <ListField {...props} />
  if (field.fieldKind === 'map') return <MapField {...props} />
  if (field.message && !isOneValue(field.message)) return <NestedField {...props} />
  return <SingleInput {...props} label={<FieldName field={field} />} description={describe(field)} />
}

/** Comment and rules. */
function describe(field: DescField): ReactNode {
  const comment = commentOf(field)
  const rules = constraints(field)
  if (!comment && rules.length === 0) return undefined
  return (
    <>
      <Comment text={comment} />
      {rules.length > 0 && <span className={`mono ${styles.rules}`}>{rules.join(' · ')}</span>}
    </>
  )
}

function FieldName({ field }: { field: DescField }) {
  const { t } = useTranslation()
  return (
    <>
      <span className="mono">{field.jsonName}</span> <span className={styles.type}>{typeName(field)}</span>
      {isRequired(field) && <span className={styles.type}> · {t('explorer.form.required')}</span>}
    </>
  )
}

/** What holds more than one input: a heading, what is wrong with the whole, and what can be done. */
function FieldGroup({
  field,
  path,
  action,
  children,
}: {
  field: DescField
  path: string
  action?: ReactNode
  children?: ReactNode
}) {
  const error = useRequestForm().errors.get(path)
  return (
    <fieldset className={styles.group} id={inputId(path)} tabIndex={-1}>
      <legend className={styles.legend}>
        <FieldName field={field} />
      </legend>
      <div className={styles.about}>{describe(field)}</div>
      {error && (
        <Text size="xs" c="var(--mantine-color-error)">
          {error}
        </Text>
      )}
      {children && <div className={styles.nested}>{children}</div>}
      {action}
    </fieldset>
  )
}

function Add({ what, onClick }: { what: string; onClick: () => void }) {
  const { t } = useTranslation()
  return (
    <div>
      <Button size="compact-xs" variant="default" leftSection={<IconPlus size={12} />} onClick={onClick}>
        {t('explorer.form.add', { what })}
      </Button>
    </div>
  )
}

function Remove({ what, onClick }: { what: string; onClick: () => void }) {
  const { t } = useTranslation()
  return (
    <ActionIcon variant="subtle" color="gray" onClick={onClick} aria-label={t('explorer.form.remove', { what })}>
      <IconTrash size={14} />
    </ActionIcon>
  )
}

function NestedField({ field, value, path, onChange, keep = false }: FieldProps) {
  const { t } = useTranslation()
  const { message } = field
  if (!message) return null
  const isThere = value !== undefined || isRequired(field) || keep
  if (!isThere)
    return <FieldGroup field={field} path={path} action={<Add what={field.jsonName} onClick={() => onChange({})} />} />
  return (
    <FieldGroup
      field={field}
      path={path}
      action={
        value !== undefined &&
        !keep &&
        !isRequired(field) && (
          <div>
            <Button size="compact-xs" variant="subtle" color="gray" onClick={() => onChange(undefined)}>
              {t('explorer.form.remove', { what: field.jsonName })}
            </Button>
          </div>
        )
      }
    >
      <MessageFields message={message} json={isObject(value) ? value : {}} path={path} onChange={onChange} />
    </FieldGroup>
  )
}

/** One of a list or a map. */
function Item({ field, value, path, name, onChange, children }: FieldProps & { name: string; children?: ReactNode }) {
  if (field.message && !isOneValue(field.message)) {
    return (
      <div className={styles.item}>
        <Group gap={4} mb={4} wrap="nowrap">
          <Text className="mono" size="sm" flex={1}>
            {name}
          </Text>
          {children}
        </Group>
        <MessageFields message={field.message} json={isObject(value) ? value : {}} path={path} onChange={onChange} />
      </div>
    )
  }
  return (
    <Group gap={4} align="flex-start" wrap="nowrap">
      <div className={styles.grow}>
        <SingleInput field={field} value={value} path={path} onChange={onChange} keep name={name} />
      </div>
      {children}
    </Group>
  )
}

function ListField({ field, value, path, onChange }: FieldProps) {
  const items = Array.isArray(value) ? value : []
  const set = (next: JsonValue[]) => onChange(next.length > 0 ? next : undefined)
  return (
    <FieldGroup
      field={field}
      path={path}
      action={<Add what={field.jsonName} onClick={() => set([...items, emptyValue(field)])} />}
    >
      {items.length > 0 &&
        items.map((item, index) => (
          <Item
            // biome-ignore lint/suspicious/noArrayIndexKey: an item is known by its place alone
            key={index}
            field={field}
            value={item}
            path={atItem(path, index)}
            name={`${field.jsonName}[${index}]`}
            onChange={next => set(items.with(index, next ?? ''))}
          >
            <Remove what={`${field.jsonName}[${index}]`} onClick={() => set(items.toSpliced(index, 1))} />
          </Item>
        ))}
    </FieldGroup>
  )
}

/** Its rows are kept here: while a key is typed it may be another's, or empty. */
function MapField({ field, value, path, onChange }: FieldProps) {
  const { t } = useTranslation()
  const { errors } = useRequestForm()
  const [rows, setRows] = useState<[string, JsonValue][]>([])
  const json = isObject(value) ? value : {}
  const shown = JSON.stringify(Object.fromEntries(rows)) === JSON.stringify(json) ? rows : Object.entries(json)
  const set = (next: [string, JsonValue][]) => {
    setRows(next)
    onChange(next.length > 0 ? Object.fromEntries(next) : undefined)
  }
  return (
    <FieldGroup
      field={field}
      path={path}
      action={<Add what={field.jsonName} onClick={() => set([...shown, ['', emptyValue(field)]])} />}
    >
      {shown.length > 0 &&
        shown.map(([key, each], index) => {
          const isTwice = shown.some(([other], place) => place !== index && other === key)
          return (
            <Group
              // biome-ignore lint/suspicious/noArrayIndexKey: the key is what is being typed
              key={index}
              gap={4}
              align="flex-start"
              wrap="nowrap"
            >
              <TextInput
                w={130}
                aria-label={t('explorer.form.key', { number: index + 1 })}
                placeholder={t('explorer.form.keyName')}
                autoComplete="off"
                value={key}
                error={isTwice ? t('explorer.form.keyTwice') : errors.get(atKeyOf(path, key))}
                onChange={event => set(shown.with(index, [event.currentTarget.value, each]))}
              />
              <div className={styles.grow}>
                <Item
                  field={field}
                  value={each}
                  path={atKey(path, key)}
                  name={`${field.jsonName}[${key || index + 1}]`}
                  onChange={next => set(shown.with(index, [key, next ?? '']))}
                >
                  <Remove
                    what={`${field.jsonName}[${key || index + 1}]`}
                    onClick={() => set(shown.toSpliced(index, 1))}
                  />
                </Item>
              </div>
            </Group>
          )
        })}
    </FieldGroup>
  )
}

function Oneof({ oneof, json, path, onChange }: { oneof: DescOneof } & Omit<MessageFieldsProps, 'message'>) {
  const { t } = useTranslation()
  const { errors } = useRequestForm()
  const chosen = oneof.fields.find(field => fieldValue(json, field) !== undefined)
  const own = path ? `${path}.${oneof.name}` : oneof.name
  const choose = (name: string) => {
    const field = oneof.fields.find(each => each.jsonName === name)
    if (field) onChange(withValue(json, field, emptyValue(field)))
    else if (chosen) onChange(withValue(json, chosen, undefined))
  }
  return (
    <Stack gap="xs">
      <NativeSelect
        id={inputId(own)}
        label={
          <>
            <span className="mono">{oneof.name}</span> <span className={styles.type}>oneof</span>
          </>
        }
        error={errors.get(own)}
        value={chosen?.jsonName ?? ''}
        data={[{ value: '', label: t('explorer.form.unset') }, ...oneof.fields.map(field => field.jsonName)]}
        onChange={event => choose(event.currentTarget.value)}
      />
      {chosen && (
        <div className={styles.nested}>
          <Field
            field={chosen}
            value={fieldValue(json, chosen)}
            path={at(path, chosen)}
            keep
            onChange={value => onChange(withValue(json, chosen, value ?? emptyValue(chosen)))}
          />
        </div>
      )}
    </Stack>
  )
}
