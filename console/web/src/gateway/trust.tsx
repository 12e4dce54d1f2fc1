/** Whom the mesh trusts: signing keys, authorities and certificates, with when each ends and what follows it. */
import { useQuery } from '@connectrpc/connect-query'
import { Button, Group, Text, Title } from '@mantine/core'
import {
  DiagnosticsService,
  type HeldCertificate,
  type Secret,
  SecretRole,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { RegistryService, SecretKind } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { IconRefresh } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { useAsJournalGrows } from '../mesh/use-as-journal-grows.ts'
import type { Mesh } from '../mesh/use-mesh.ts'
import { Id } from '../ui/copy.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { holderOf } from './facts.ts'
import styles from './gateway.module.css'
import { RotateDialog } from './rotate.tsx'
import type { Rotation } from './search.ts'

const route = getRouteApi('/app/gateway')
/** Certificates are renewed without a change in the journal: looked at again so often. ms. */
const lookMs = 60_000

export function Trust({ mesh }: { mesh: Mesh | undefined }) {
  const { t } = useTranslation()
  const { rotate } = route.useSearch()
  const navigate = route.useNavigate()
  const mayRotate = mayCall(useSession(), RegistryService.method.rotateSecrets)
  const { data, error, refetch } = useQuery(
    DiagnosticsService.method.listSecrets,
    {},
    { staleTime: 0, refetchInterval: lookMs },
  )
  useAsJournalGrows(refetch, mesh?.lastChange)
  const ask = (what: Rotation | undefined) =>
    void navigate({
      search: previous => {
        const { rotate: _, ...rest } = previous
        return what ? { ...rest, rotate: what } : rest
      },
      replace: true,
      resetScroll: false,
    })
  const secretColumns = useSecretColumns()
  const certificateColumns = useCertificateColumns()
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  const of = (kind: SecretKind) => data?.secrets.filter(secret => secret.kind === kind)
  const sections = [
    { what: 'keys' as const, rows: of(SecretKind.SIGNING_KEY) },
    { what: 'ca' as const, rows: of(SecretKind.AUTHORITY) },
  ]
  return (
    <div className={styles.page}>
      {sections.map(({ what, rows }) => (
        <section key={what}>
          <Group justify="space-between" mb="xs">
            <div>
              <Title order={2}>{t(`gateway.secrets.${what}.title`)}</Title>
              <Text size="sm" c="dimmed">
                {t(`gateway.secrets.${what}.hint`)}
              </Text>
            </div>
            {mayRotate && (
              <Button variant="default" size="xs" leftSection={<IconRefresh size={14} />} onClick={() => ask(what)}>
                {t(what === 'keys' ? 'gateway.rotateKeys' : 'gateway.rotateCa')}
              </Button>
            )}
          </Group>
          <DataTable
            label={t(`gateway.secrets.${what}.title`)}
            columns={secretColumns}
            rows={rows}
            rowKey={({ name }) => name}
            empty={<Empty title={t('gateway.noSecrets')} />}
          />
        </section>
      ))}
      <section>
        <Title order={2}>{t('gateway.certificates')}</Title>
        <Text size="sm" c="dimmed" mb="xs">
          {t('gateway.certificatesHint')}
        </Text>
        <DataTable
          label={t('gateway.certificates')}
          columns={certificateColumns}
          rows={data?.certificates}
          rowKey={({ holder }) => holder}
          empty={<Empty title={t('gateway.noCertificates')} hint={t('gateway.noCertificatesHint')} />}
        />
      </section>
      {rotate && mayRotate && (
        <RotateDialog
          what={rotate}
          instances={mesh?.instances.size ?? 0}
          proxies={mesh?.proxies.size ?? 0}
          onClose={() => ask(undefined)}
        />
      )}
    </div>
  )
}

function useSecretColumns(): Column<Secret>[] {
  const { t } = useTranslation()
  return [
    {
      key: 'name',
      header: t('gateway.name'),
      width: 260,
      cell: ({ kind, name }) => (kind === SecretKind.SIGNING_KEY ? <Id value={name} /> : <b>{name}</b>),
    },
    {
      key: 'role',
      header: t('gateway.role'),
      width: 190,
      cell: ({ role, signTime }) => {
        const since = dateOf(signTime)
        if (role === SecretRole.NEXT) return <StateMark name="starting" label={t('gateway.roles.next')} />
        if (role === SecretRole.BELIEVED) return <StateMark name="draining" label={t('gateway.roles.believed')} />
        return (
          <>
            <StateMark name="healthy" label={t('gateway.roles.signing')} />
            <div className={styles.file}>{since && <Ago date={since} />}</div>
          </>
        )
      },
    },
    { key: 'next', header: t('gateway.next'), cell: secret => <NextStep secret={secret} /> },
    {
      key: 'made',
      header: t('gateway.made'),
      width: 130,
      cell: ({ createTime }) => {
        const date = dateOf(createTime)
        return date && <Ago date={date} />
      },
    },
    {
      key: 'ends',
      header: t('gateway.validUntil'),
      width: 140,
      cell: ({ expireTime }) => {
        const date = dateOf(expireTime)
        return date ? (
          <Ago date={date} />
        ) : (
          <Text size="sm" c="dimmed">
            {t('gateway.noEnd')}
          </Text>
        )
      },
    },
  ]
}

function NextStep({ secret: { role, signTime, rotateTime, retireTime } }: { secret: Secret }) {
  const { t } = useTranslation()
  const [signs, rotates, retires] = [dateOf(signTime), dateOf(rotateTime), dateOf(retireTime)]
  if (role === SecretRole.NEXT && signs)
    return (
      <>
        {t('gateway.signs')} <Ago date={signs} />
      </>
    )
  if (retires)
    return (
      <>
        {t('gateway.believedUntil')} <Ago date={retires} />
      </>
    )
  return (
    rotates && (
      <>
        {t('gateway.successor')} <Ago date={rotates} />
      </>
    )
  )
}

function useCertificateColumns(): Column<HeldCertificate>[] {
  const { t } = useTranslation()
  return [
    {
      key: 'holder',
      header: t('gateway.holder'),
      width: 240,
      cell: ({ holder }) => {
        const { name, kind } = holderOf(holder)
        return (
          <div title={holder}>
            <b>{kind === 'edge' ? t('gateway.holders.edge') : name}</b>
            {kind !== 'edge' && <div className={styles.file}>{t(`gateway.holders.${kind}`)}</div>}
          </div>
        )
      },
    },
    {
      key: 'state',
      header: t('gateway.state'),
      width: 170,
      cell: certificate => <Validity certificate={certificate} />,
    },
    {
      key: 'until',
      header: t('gateway.validUntil'),
      width: 140,
      cell: ({ expireTime }) => {
        const date = dateOf(expireTime)
        return date && <Ago date={date} />
      },
    },
    {
      key: 'renew',
      header: t('gateway.renewed'),
      width: 160,
      cell: ({ renewTime }) => {
        const date = dateOf(renewTime)
        return date ? (
          <Ago date={date} />
        ) : (
          <Text size="sm" c="dimmed">
            {t('gateway.byOperator')}
          </Text>
        )
      },
    },
    { key: 'authority', header: t('gateway.authority'), cell: ({ authority }) => authority },
  ]
}

/** A certificate of an operator's is warned of for its last week; the others are renewed at half of their life, or something is wrong. */
function Validity({ certificate: { createTime, expireTime, renewTime } }: { certificate: HeldCertificate }) {
  const { t } = useTranslation()
  const [from, until, renew] = [createTime, expireTime, renewTime].map(time => dateOf(time)?.getTime() ?? 0)
  const now = Date.now()
  const late = renewTime ? (renew ?? 0) + ((until ?? 0) - (from ?? 0)) / 10 : (until ?? 0) - 7 * 24 * 60 * 60_000
  if ((until ?? 0) <= now) return <StateMark name="failing" label={t('gateway.expired')} />
  return now > late ? (
    <StateMark name="degraded" label={t('gateway.expiresSoon')} />
  ) : (
    <StateMark name="healthy" label={t('gateway.valid')} />
  )
}
