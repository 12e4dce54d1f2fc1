/** What a service can be asked, and within what bounds: from its contract, with how each method fares. */
import type { DescMethod } from '@bufbuild/protobuf'
import { Skeleton } from '@mantine/core'
import { commentOf } from '@site11/proto/comments'
import { Dimension } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { useContracts } from '../explorer/contracts.ts'
import { Errors, P95, Rate } from '../signals/figures.tsx'
import { figuresOf } from '../signals/signals.ts'
import { usePartSignals } from '../signals/use-signals.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { Panel } from '../ui/panel.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { methodsOf, type Policy, pathOf, policyOf } from './contract.ts'
import styles from './service.module.css'

const firstSentence = (text: string) => /^.*?\.(?=\s|$)/.exec(text)?.[0] ?? text
const byMethod = [Dimension.METHOD]

export function Methods({ service }: { service: string }) {
  const { t } = useTranslation()
  const { data: contracts, error, refetch } = useContracts()
  const data = contracts && methodsOf(contracts.services, service)
  const several = new Set(data?.map(({ parent }) => parent.name)).size > 1
  const signals = usePartSignals({ by: byMethod, service })
  const figures = (method: DescMethod) => signals && figuresOf(signals, pathOf(method))
  const columns: Column<DescMethod>[] = [
    {
      key: 'method',
      header: t('services.method.name'),
      cell: method => (
        <>
          <Link to="/explorer" search={{ method: pathOf(method).slice(1) }} className="mono">
            {method.name}
          </Link>
          <div className={styles.about} lang="en">
            {firstSentence(commentOf(method))}
          </div>
          <div className={styles.dim}>
            {[
              several && method.parent.name,
              method.methodKind !== 'unary' && t('services.method.stream'),
              policyOf(method).audit && t('services.method.audit'),
            ]
              .filter(Boolean)
              .join(' · ')}
          </div>
        </>
      ),
    },
    {
      key: 'access',
      header: t('services.method.access'),
      width: 170,
      cell: method => <Access policy={policyOf(method)} />,
    },
    {
      key: 'bounds',
      header: t('services.method.bounds'),
      width: 230,
      cell: method => <Bounds policy={policyOf(method)} />,
    },
  ]
  if (signals) {
    columns.push(
      { key: 'rate', header: t('services.column.rate'), width: 90, cell: method => <Rate figures={figures(method)} /> },
      {
        key: 'errors',
        header: t('services.column.errors'),
        width: 80,
        cell: method => <Errors figures={figures(method)} />,
      },
      { key: 'p95', header: t('services.column.p95'), width: 90, cell: method => <P95 figures={figures(method)} /> },
    )
  }
  return (
    <Panel title={t('services.methods')} aside={data?.length}>
      {error && !data ? (
        <ProblemInline error={error} onRetry={refetch} />
      ) : data ? (
        <DataTable
          label={t('services.methods')}
          columns={columns}
          rows={data}
          rowKey={pathOf}
          empty={<Empty title={t('services.noMethods')} hint={t('services.noMethodsHint')} />}
        />
      ) : (
        <Skeleton height={160} />
      )}
    </Panel>
  )
}

function Access({ policy: { access, scope, callers } }: { policy: Policy }) {
  const { t } = useTranslation()
  const who = callers.includes('*') ? t('services.method.anyService') : callers.join(', ')
  return (
    <>
      {access === 'scope' ? <span className="mono">{scope}</span> : t(`services.method.who.${access}`)}
      {who && <div className={styles.dim}>{t('services.method.callers', { names: who })}</div>}
    </>
  )
}

/** Only what is said of this method; what holds for all is not repeated. */
function Bounds({ policy: { timeoutMs, retries, needsRequestId, rate, maxBytes } }: { policy: Policy }) {
  const { t, i18n } = useTranslation()
  const seconds = (ms: number) =>
    new Intl.NumberFormat(i18n.language, { style: 'unit', unit: 'second', unitDisplay: 'short' }).format(ms / 1000)
  const number = (value: number) => new Intl.NumberFormat(i18n.language).format(value)
  const said = [
    timeoutMs === undefined
      ? t('services.method.noTimeout')
      : t('services.method.timeout', { time: seconds(timeoutMs) }),
    retries > 0 && t(needsRequestId ? 'services.method.retriesWithId' : 'services.method.retries', { count: retries }),
    rate &&
      t('services.method.rate', { count: rate.requests, requests: number(rate.requests), time: seconds(rate.perMs) }),
    maxBytes !== 1_048_576 && t('services.method.bytes', { size: number(Math.round(maxBytes / 1024)) }),
  ]
  return <span className={styles.dim}>{said.filter(Boolean).join(' · ')}</span>
}
