/** The input of one value: a scalar, an enum, or a message whose JSON is one value. */
import { type DescField, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { Button, Checkbox, FileButton, Group, NativeSelect, PasswordInput, Textarea, TextInput } from '@mantine/core'
import { commentOf } from '@site11/proto/comments'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { isSecret } from '../api/secrets.ts'
import { Comment } from './comment.tsx'
import { rulesOf } from './field-facts.ts'
import { inputId, useRequestForm } from './form-context.ts'

export interface SingleInputProps {
  field: DescField
  path: string
  value: JsonValue | undefined
  /** Undefined takes the value away. */
  onChange: (value: JsonValue | undefined) => void
  /** Whether what is empty stays as an empty value: within lists, maps and oneofs. */
  keep?: boolean
  label?: ReactNode
  description?: ReactNode
  /** For an input without a label that is seen. */
  name?: string
}

export function SingleInput({
  field,
  path,
  value,
  onChange,
  keep = false,
  label,
  description,
  name,
}: SingleInputProps) {
  const { t } = useTranslation()
  const { errors } = useRequestForm()
  const common = {
    id: inputId(path),
    label,
    description,
    error: errors.get(path),
    ...(name && { 'aria-label': name }),
  }
  const wrapped = field.message && isWrapperDesc(field.message) ? field.message.fields[0] : undefined
  const scalar = wrapped?.scalar ?? (field.message ? undefined : field.scalar)
  const text = typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
  const setText = (next: string) => onChange(next === '' && !keep ? undefined : next)

  if (field.enum) {
    const names = field.enum.values.map(({ name }) => name)
    const unset = field.presence === 2 && !keep ? [{ value: '', label: names[0] ?? '' }] : []
    const offered = unset.length > 0 ? names.slice(1) : names
    const known = offered.includes(text) || text === '' || text === names[0]
    const chosen = field.enum.values.find(each => each.name === text)
    return (
      <NativeSelect
        {...common}
        description={chosen && commentOf(chosen) ? <Comment text={commentOf(chosen)} /> : description}
        value={text === names[0] && unset.length > 0 ? '' : text}
        data={[
          ...(unset.length > 0 ? unset : keep ? [] : [{ value: '', label: t('explorer.form.unset') }]),
          ...offered,
          ...(known ? [] : [text]),
        ]}
        onChange={event => setText(event.currentTarget.value)}
      />
    )
  }
  if (scalar === ScalarType.BOOL) {
    if (field.presence === 2 || keep) {
      return (
        <Checkbox
          {...common}
          checked={value === true}
          onChange={event => onChange(event.currentTarget.checked || (keep ? false : undefined))}
        />
      )
    }
    return (
      <NativeSelect
        {...common}
        value={text}
        data={[{ value: '', label: t('explorer.form.unset') }, 'true', 'false']}
        onChange={({ currentTarget }) =>
          onChange(currentTarget.value === '' ? undefined : currentTarget.value === 'true')
        }
      />
    )
  }
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) {
    if (isSecret(field)) {
      return (
        <PasswordInput
          {...common}
          autoComplete="new-password"
          value={text}
          onChange={event => setText(event.currentTarget.value)}
        />
      )
    }
    const choices = scalar === ScalarType.STRING ? choicesOf(field) : []
    if (choices.length > 0) {
      return (
        <NativeSelect
          {...common}
          value={text}
          data={[...(keep ? [] : [{ value: '', label: t('explorer.form.unset') }]), ...choices]}
          onChange={event => setText(event.currentTarget.value)}
        />
      )
    }
    if (scalar === ScalarType.BYTES) return <BytesInput {...common} text={text} onText={setText} />
    return (
      <TextInput {...common} autoComplete="off" value={text} onChange={event => setText(event.currentTarget.value)} />
    )
  }
  if (scalar !== undefined)
    return <NumberText common={common} scalar={scalar} value={value} keep={keep} onChange={onChange} />
  const hint = textForms[field.message?.typeName ?? '']
  if (hint) {
    return (
      <TextInput
        {...common}
        autoComplete="off"
        placeholder={hint}
        value={text}
        onChange={event => setText(event.currentTarget.value)}
        {...(field.message?.typeName === 'google.protobuf.Timestamp' && {
          rightSectionWidth: 64,
          rightSection: (
            <Button size="compact-xs" variant="subtle" onClick={() => setText(new Date().toISOString())}>
              {t('explorer.form.now')}
            </Button>
          ),
        })}
      />
    )
  }
  return <JsonText common={common} value={value} onChange={onChange} />
}

type Common = { id: string; label: ReactNode; description: ReactNode; error: string | undefined }

const textForms: Record<string, string> = {
  'google.protobuf.Timestamp': '2026-01-01T00:00:00Z',
  'google.protobuf.Duration': '1.5s',
  'google.protobuf.FieldMask': 'displayName,profile',
}

function choicesOf(field: DescField): string[] {
  const type = rulesOf(field)?.type
  return type?.case === 'string' ? type.value.in : []
}

const is64 = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64])

interface NumberTextProps {
  common: Common
  scalar: ScalarType
  value: JsonValue | undefined
  keep: boolean
  onChange: (value: JsonValue | undefined) => void
}

/** What is typed stays as it is, such as `1.` or `-`; the request gets the number as soon as it is one. */
function NumberText({ common, scalar, value, keep, onChange }: NumberTextProps) {
  const numberOf = (text: string): JsonValue | undefined => {
    if (text === '') return keep ? '' : undefined
    if (is64.has(scalar)) return text
    return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text
  }
  const [text, setText] = useState('')
  const shown = numberOf(text) === value ? text : value === undefined ? '' : String(value)
  return (
    <TextInput
      {...common}
      inputMode="decimal"
      autoComplete="off"
      value={shown}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value.trim())
        onChange(numberOf(currentTarget.value.trim()))
      }}
    />
  )
}

function BytesInput({ text, onText, ...common }: Common & { text: string; onText: (text: string) => void }) {
  const { t } = useTranslation()
  const read = async (file: File | null) => {
    if (file) onText(base64(new Uint8Array(await file.arrayBuffer())))
  }
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput
        {...common}
        flex={1}
        placeholder="base64"
        autoComplete="off"
        value={text}
        onChange={event => onText(event.currentTarget.value)}
      />
      <FileButton onChange={read}>
        {props => (
          <Button variant="default" {...props}>
            {t('explorer.form.file')}
          </Button>
        )}
      </FileButton>
    </Group>
  )
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** For values that have no form of their own. Text that is no JSON becomes a text, which is then refused at its place. */
function JsonText({
  common,
  value,
  onChange,
}: {
  common: Common
  value: JsonValue | undefined
  onChange: (value: JsonValue | undefined) => void
}) {
  const [text, setText] = useState('')
  const shown = same(jsonOf(text), value) ? text : value === undefined ? '' : JSON.stringify(value, undefined, 2)
  return (
    <Textarea
      {...common}
      autosize
      minRows={1}
      placeholder="{ }"
      classNames={{ input: 'mono' }}
      value={shown}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value)
        onChange(jsonOf(currentTarget.value))
      }}
    />
  )
}

const same = (a: JsonValue | undefined, b: JsonValue | undefined) => JSON.stringify(a) === JSON.stringify(b)

function jsonOf(text: string): JsonValue | undefined {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
