/** A panel: what it asks, how it is drawn, from which values on it is in another state. */
import { create } from '@bufbuild/protobuf'
import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  NumberInput,
  SegmentedControl,
  Select,
  Stack,
  TextInput,
} from '@mantine/core'
import {
  type Panel,
  PanelKind,
  PanelQuerySchema,
  ThresholdLevel,
  ThresholdSchema,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { draftFrom, panelKinds, queryFrom, viewOf } from './panels.ts'
import { QueryFields } from './query-fields.tsx'
import { views } from './search.ts'
import styles from './statistics.module.css'

interface PanelFormProps {
  panel: Panel
  isNew: boolean
  onClose: () => void
  onSave: (panel: Panel) => void
}

const levelNames = ['good', 'warning', 'critical'] as const
const levelsOf = {
  good: ThresholdLevel.GOOD,
  warning: ThresholdLevel.WARNING,
  critical: ThresholdLevel.CRITICAL,
} as const

export function PanelForm({ panel, isNew, onClose, onSave }: PanelFormProps) {
  const { t } = useTranslation()
  const [draft, setDraft] = useState(panel)
  const change = (part: Partial<Panel>) => setDraft({ ...draft, ...part })
  const kind = viewOf(draft)
  const missing = draft.queries.some(({ metric }) => !metric)
  return (
    <SideDrawer opened onClose={onClose} title={t(isNew ? 'statistics.panel.add' : 'statistics.panel.change')}>
      <form
        onSubmit={event => {
          event.preventDefault()
          if (!missing) onSave(draft)
        }}
      >
        <Stack gap="md">
          <TextInput
            label={t('statistics.panel.title')}
            placeholder={draft.queries[0]?.metric}
            value={draft.title}
            maxLength={120}
            data-autofocus
            onChange={event => change({ title: event.currentTarget.value })}
          />
          <TextInput
            label={t('statistics.panel.description')}
            value={draft.description}
            maxLength={1000}
            onChange={event => change({ description: event.currentTarget.value })}
          />
          <SegmentedControl
            aria-label={t('statistics.view.label')}
            value={kind}
            onChange={next => change({ kind: panelKinds[views.find(each => each === next) ?? 'line'] })}
            data={views.map(each => ({ value: each, label: t(`statistics.view.${each}`) }))}
          />
          {draft.queries.map((query, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: queries have nothing but their place
            <fieldset key={place} className={styles.fieldset}>
              <legend>{t('statistics.panel.query', { number: place + 1 })}</legend>
              <QueryFields
                draft={draftFrom(query)}
                onChange={part => {
                  const next = queryFrom({ ...draftFrom(query), ...part }, query.label)
                  if (query.compare) next.compare = query.compare
                  change({ queries: draft.queries.map((each, at) => (at === place ? next : each)) })
                }}
              />
              <Group mt="xs" align="flex-end" wrap="nowrap">
                <TextInput
                  flex={1}
                  size="xs"
                  label={t('statistics.panel.label')}
                  value={query.label}
                  maxLength={120}
                  onChange={event => {
                    const label = event.currentTarget.value
                    change({ queries: draft.queries.map((each, at) => (at === place ? { ...each, label } : each)) })
                  }}
                />
                {draft.queries.length > 1 && (
                  <ActionIcon
                    variant="default"
                    size={30}
                    aria-label={t('statistics.panel.removeQuery', { number: place + 1 })}
                    onClick={() => change({ queries: draft.queries.filter((_, at) => at !== place) })}
                  >
                    <IconTrash size={15} />
                  </ActionIcon>
                )}
              </Group>
            </fieldset>
          ))}
          {draft.queries.length < 8 && (
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<IconPlus size={14} />}
              style={{ alignSelf: 'flex-start' }}
              onClick={() =>
                change({
                  queries: [...draft.queries, create(PanelQuerySchema, { metric: draft.queries.at(-1)?.metric ?? '' })],
                })
              }
            >
              {t('statistics.panel.addQuery')}
            </Button>
          )}
          {(draft.kind === PanelKind.LINE || draft.kind === PanelKind.BAR) && (
            <Checkbox
              label={t('statistics.panel.stacked')}
              checked={draft.stacked}
              onChange={event => change({ stacked: event.currentTarget.checked })}
            />
          )}
          <fieldset className={styles.fieldset}>
            <legend>{t('statistics.panel.thresholds')}</legend>
            <Stack gap="xs">
              {draft.thresholds.map((threshold, place) => {
                const set = (part: { value?: number; level?: ThresholdLevel }) =>
                  change({
                    thresholds: draft.thresholds.map((each, at) => (at === place ? { ...each, ...part } : each)),
                  })
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: thresholds have nothing but their place
                  <Group key={place} gap="xs" wrap="nowrap">
                    <NumberInput
                      size="xs"
                      flex={1}
                      hideControls
                      aria-label={t('statistics.panel.from')}
                      value={threshold.value}
                      onChange={value => set({ value: Number(value) || 0 })}
                    />
                    <Select
                      size="xs"
                      w={140}
                      allowDeselect={false}
                      aria-label={t('statistics.panel.level')}
                      value={String(threshold.level)}
                      data={levelNames.map((name, at) => ({
                        value: String(at + 1),
                        label: t(`statistics.level.${name}`),
                      }))}
                      onChange={level => set({ level: levelsOf[levelNames[Number(level) - 1] ?? 'warning'] })}
                    />
                    <ActionIcon
                      variant="default"
                      size={30}
                      aria-label={t('statistics.panel.removeThreshold')}
                      onClick={() => change({ thresholds: draft.thresholds.filter((_, at) => at !== place) })}
                    >
                      <IconTrash size={15} />
                    </ActionIcon>
                  </Group>
                )
              })}
              <Button
                variant="default"
                size="compact-sm"
                style={{ alignSelf: 'flex-start' }}
                leftSection={<IconPlus size={14} />}
                onClick={() =>
                  change({
                    thresholds: [
                      ...draft.thresholds,
                      create(ThresholdSchema, { value: (draft.thresholds.at(-1)?.value ?? 0) + 1, level: 2 }),
                    ],
                  })
                }
              >
                {t('statistics.panel.addThreshold')}
              </Button>
            </Stack>
          </fieldset>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" disabled={missing}>
              {t(isNew ? 'statistics.panel.add' : 'statistics.panel.apply')}
            </Button>
          </Group>
        </Stack>
      </form>
    </SideDrawer>
  )
}
