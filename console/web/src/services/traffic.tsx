/** How requests are spread over the versions of a service, and a way to change it that shows beforehand what each will get. */

import { create } from '@bufbuild/protobuf'
import { createConnectQueryKey, useQuery } from '@connectrpc/connect-query'
import { Button, Group, NumberInput, Skeleton, Slider } from '@mantine/core'
import {
  RegistryService,
  type ServiceVersion,
  TrafficWeightSchema,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { useRecentChanges } from '../mesh/changes.ts'
import type { ServiceView } from '../mesh/services.ts'
import { Panel } from '../ui/panel.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { setTraffic, useProgress } from './actions.ts'
import styles from './service.module.css'
import { flawOf, type Share, sharesOf, withWeight } from './weights.ts'

const { getTraffic, setTraffic: set } = RegistryService.method

export function Traffic({ service: { name, instances } }: { service: ServiceView }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { data, error, refetch } = useQuery(getTraffic, { service: name }, { placeholderData: previous => previous })
  // What there is changes with its instances, what is set by a change of the journal.
  const state = instances.map(view => `${view.name} ${view.instance.version} ${view.state.name}`).join()
  const change = useRecentChanges()?.find(
    each => each.action === 'service.traffic' && each.subject === `services/${name}`,
  )?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when these change
  useEffect(() => {
    const queryKey = createConnectQueryKey({ schema: getTraffic, input: { service: name }, cardinality: 'finite' })
    void client.invalidateQueries({ queryKey })
  }, [client, name, state, change])
  return (
    <Panel title={t('services.traffic.title')}>
      {data ? (
        <Editor
          service={name}
          versions={data.versions}
          weights={new Map(data.weights.map(({ version, percent }) => [version, percent]))}
        />
      ) : error ? (
        <ProblemInline error={error} onRetry={refetch} />
      ) : (
        <Skeleton height={96} />
      )}
    </Panel>
  )
}

interface EditorProps {
  service: string
  versions: readonly ServiceVersion[]
  /** What is set; empty when nothing is. */
  weights: ReadonlyMap<string, number>
}

const messages = (weights: ReadonlyMap<string, number>) =>
  [...weights].map(([version, percent]) => create(TrafficWeightSchema, { version, percent }))

function Editor({ service, versions, weights }: EditorProps) {
  const { t, i18n } = useTranslation()
  const may = mayCall(useSession(), set)
  const doing = useProgress(`services/${service}`)
  /** Undefined while nothing is being changed. */
  const [draft, setDraft] = useState<ReadonlyMap<string, number>>()
  const now = sharesOf(versions, messages(weights))
  const shown = draft ? sharesOf(versions, messages(draft)) : now
  const busy = doing?.verb === 'traffic' && doing.phase === 'sending'
  const percent = (value: number) =>
    new Intl.NumberFormat(i18n.language, { style: 'percent', maximumFractionDigits: 1 }).format(value / 100)
  const flaw = draft && draft.size > 0 ? flawOf(shown) : undefined
  const sum = [...(draft?.values() ?? [])].reduce((all, each) => all + each, 0)

  function begin() {
    const first = now.map(({ version, gets }): [string, number] => [version, weights.get(version) ?? Math.round(gets)])
    setDraft(new Map(first))
  }
  async function send(next: ReadonlyMap<string, number>) {
    if (await setTraffic(service, next)) setDraft(undefined)
  }

  return (
    <div className={styles.traffic}>
      <div>
        {said(
          now,
          weights.size > 0,
          t('services.traffic.even'),
          t('services.traffic.set'),
          t('services.traffic.one', { version: now[0]?.version ?? '' }),
        )}
      </div>
      {(shown.length > 1 || weights.size > 0) && (
        <>
          <div className={styles.bar} aria-hidden="true">
            {shown.map(({ version, gets }) => (
              <span key={version} style={{ flexGrow: gets, ...(gets === 0 && { display: 'none' }) }} />
            ))}
          </div>
          <table className={styles.shares}>
            <thead>
              <tr>
                <th scope="col">{t('mesh.version')}</th>
                <th scope="col">{t('services.traffic.serving')}</th>
                {draft && <th scope="col">{t('services.traffic.weight')}</th>}
                <th scope="col">{t(draft ? 'services.traffic.willGet' : 'services.traffic.gets')}</th>
                <th scope="col">{t('services.traffic.each')}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ version, instances, serving, gets, each }, index) => (
                <tr key={version}>
                  <td>
                    <span className={styles.swatch} />
                    <span className="mono">{version}</span>
                  </td>
                  <td>{t('services.traffic.of', { serving, count: instances })}</td>
                  {draft && (
                    <td>
                      <Group gap="sm" wrap="nowrap">
                        <NumberInput
                          size="xs"
                          w={84}
                          suffix=" %"
                          min={0}
                          max={100}
                          allowDecimal={false}
                          clampBehavior="strict"
                          aria-label={t('services.traffic.weightOf', { version })}
                          value={draft.get(version) ?? 0}
                          onChange={value => setDraft(withWeight(draft, version, Number(value) || 0))}
                        />
                        <Slider
                          w={140}
                          size="sm"
                          visibleFrom="sm"
                          label={null}
                          thumbLabel={t('services.traffic.weightOf', { version })}
                          value={draft.get(version) ?? 0}
                          onChange={value => setDraft(withWeight(draft, version, value))}
                        />
                      </Group>
                    </td>
                  )}
                  <td>
                    {draft && now[index] && Math.round(now[index].gets) !== Math.round(gets) && (
                      <span className={styles.was}>{percent(now[index].gets)} → </span>
                    )}
                    <b>{percent(gets)}</b>
                  </td>
                  <td className={styles.was}>{serving > 0 ? percent(each) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      {flaw && (
        <p className={styles.flaw} role="alert">
          {t(`services.traffic.flaw.${flaw}`, { sum })}
        </p>
      )}
      {may && (versions.length > 1 || weights.size > 0) && (
        <Group gap="xs">
          {draft ? (
            <>
              <Button disabled={flaw !== undefined} loading={busy} onClick={() => void send(draft)}>
                {t('services.traffic.apply', { name: service })}
              </Button>
              <Button variant="default" onClick={() => setDraft(undefined)}>
                {t('common.cancel')}
              </Button>
            </>
          ) : (
            <Button variant="default" onClick={begin}>
              {t('services.traffic.edit')}
            </Button>
          )}
          {weights.size > 0 && (
            <Button variant="default" loading={busy && !draft} onClick={() => void send(new Map())}>
              {t('services.traffic.reset')}
            </Button>
          )}
        </Group>
      )}
    </div>
  )
}

function said(shares: readonly Share[], isSet: boolean, even: string, set: string, one: string): string {
  if (isSet) return set
  return shares.length === 1 ? one : even
}
