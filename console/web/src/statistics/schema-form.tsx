/** A kind of events: what it is called, what it means, what it holds. */
import { create } from '@bufbuild/protobuf'
import { useMutation } from '@connectrpc/connect-query'
import { ActionIcon, Button, Checkbox, Group, Select, Stack, TextInput } from '@mantine/core'
import {
  type EventProperty,
  EventPropertySchema,
  type EventSchema,
  EventSchemaSchema,
  ProductService,
  PropertyType,
} from '@site11/proto/es/site11/statistics/v1/product_service_pb.ts'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { refreshProduct } from './refresh.ts'
import styles from './statistics.module.css'

const types = ['string', 'number', 'boolean'] as const
const typeOf = { string: PropertyType.STRING, number: PropertyType.NUMBER, boolean: PropertyType.BOOLEAN } as const

export function SchemaForm({ schema, onClose }: { schema: EventSchema | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [draft, setDraft] = useState(schema ?? create(EventSchemaSchema))
  const putting = useMutation(ProductService.method.putEventSchema)
  const change = (part: Partial<EventSchema>) => setDraft({ ...draft, ...part })
  const setProperty = (place: number, part: Partial<EventProperty>) =>
    change({ properties: draft.properties.map((each, at) => (at === place ? { ...each, ...part } : each)) })
  async function send() {
    await putting.mutateAsync({ schema: draft })
    await refreshProduct(client)
    onClose()
  }
  const wrong = draft.event !== '' && !/^[a-z][a-z0-9_]{0,62}$/.test(draft.event)
  const title = t(schema ? 'statistics.product.edit' : 'statistics.product.declare')
  return (
    <SideDrawer opened onClose={onClose} title={title}>
      <form
        onSubmit={event => {
          event.preventDefault()
          // What went wrong stands in the form.
          send().catch(() => undefined)
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t('statistics.product.event')}
            placeholder="checkout"
            classNames={{ input: 'mono' }}
            data-autofocus
            required
            disabled={schema !== undefined}
            value={draft.event}
            error={wrong && t('statistics.product.nameHint')}
            onChange={event => change({ event: event.currentTarget.value.trim() })}
          />
          <TextInput
            label={t('statistics.product.description')}
            value={draft.description}
            maxLength={500}
            onChange={event => change({ description: event.currentTarget.value })}
          />
          {draft.properties.map((property, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: while it is written a property has nothing but its place
            <fieldset key={place} className={styles.fieldset}>
              <legend>{property.name || t('statistics.product.property')}</legend>
              <Group gap="xs" wrap="nowrap" mb="xs">
                <TextInput
                  flex={1}
                  aria-label={t('statistics.product.property')}
                  placeholder="amount"
                  classNames={{ input: 'mono' }}
                  value={property.name}
                  onChange={event => setProperty(place, { name: event.currentTarget.value.trim() })}
                />
                <Select
                  w={120}
                  aria-label={t('statistics.product.type')}
                  allowDeselect={false}
                  value={types[property.type - 1] ?? 'string'}
                  data={types.map(name => ({ value: name, label: t(`statistics.product.types.${name}`) }))}
                  onChange={next => {
                    const type = typeOf[types.find(name => name === next) ?? 'string']
                    setProperty(place, { type, isLabel: type !== PropertyType.NUMBER && property.isLabel })
                  }}
                />
                <ActionIcon
                  variant="default"
                  size={36}
                  aria-label={t('statistics.product.removeProperty', { name: property.name })}
                  onClick={() => change({ properties: draft.properties.filter((_, at) => at !== place) })}
                >
                  <IconTrash size={15} />
                </ActionIcon>
              </Group>
              <Group gap="md">
                <Checkbox
                  label={t('statistics.product.required')}
                  checked={property.required}
                  onChange={event => setProperty(place, { required: event.currentTarget.checked })}
                />
                {property.type === PropertyType.NUMBER ? (
                  <TextInput
                    size="xs"
                    w={110}
                    aria-label={t('statistics.product.unit')}
                    placeholder={t('statistics.product.unit')}
                    value={property.unit}
                    onChange={event => setProperty(place, { unit: event.currentTarget.value })}
                  />
                ) : (
                  <Checkbox
                    label={t('statistics.product.isLabel')}
                    checked={property.isLabel}
                    onChange={event => setProperty(place, { isLabel: event.currentTarget.checked })}
                  />
                )}
              </Group>
            </fieldset>
          ))}
          {draft.properties.length < 20 && (
            <Button
              variant="default"
              size="compact-sm"
              style={{ alignSelf: 'flex-start' }}
              leftSection={<IconPlus size={14} />}
              onClick={() =>
                change({
                  properties: [...draft.properties, create(EventPropertySchema, { type: PropertyType.STRING })],
                })
              }
            >
              {t('statistics.product.addProperty')}
            </Button>
          )}
          {putting.error && <ProblemInline error={putting.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button
              type="submit"
              loading={putting.isPending}
              disabled={draft.event === '' || wrong || draft.properties.some(({ name }) => name === '')}
            >
              {schema ? t('common.save') : title}
            </Button>
          </Group>
        </Stack>
      </form>
    </SideDrawer>
  )
}
