/** The proof that the journal is whole, and what came of it. */
import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Text } from '@mantine/core'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { IconShieldCheck } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Modal } from '../palette/modal.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import question from '../ui/question.module.css'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './activity.module.css'

const route = getRouteApi('/app/activity')

export function Verify() {
  const { t, i18n } = useTranslation()
  const navigate = route.useNavigate()
  const { verify } = route.useSearch()
  const [open, setOpen] = useState(false)
  const proof = useMutation(DiagnosticsService.method.verifyChanges)
  const [provenAt, setProvenAt] = useState<Date>()
  const { mutateAsync } = proof

  async function prove() {
    setOpen(true)
    await mutateAsync({})
    setProvenAt(new Date())
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for by the address, once
  useEffect(() => {
    if (!verify) return
    void navigate({ search: ({ verify: _, ...rest }) => rest, replace: true, resetScroll: false })
    void prove().catch(() => undefined)
  }, [verify])

  const number = new Intl.NumberFormat(i18n.language)
  const { data, error, isPending } = proof
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconShieldCheck size={16} />}
        loading={isPending}
        onClick={() => void prove().catch(() => undefined)}
      >
        {t('activity.verify')}
      </Button>
      {open && !isPending && (error || data) && (
        <Modal label={t('activity.verify')} className={question.dialog} onClose={() => setOpen(false)}>
          {error && <ProblemInline error={error} onRetry={() => void prove().catch(() => undefined)} />}
          {data && (
            <div className={styles.proof}>
              <StateMark
                name={data.valid ? 'healthy' : 'failing'}
                label={t(data.valid ? 'activity.proven' : 'activity.broken')}
              />
              <Text>
                {data.valid
                  ? t('activity.provenText', { count: Number(data.count), total: number.format(Number(data.count)) })
                  : data.reason}
              </Text>
              {!data.valid && data.brokenChange > 0n && (
                <Link to="/activity" search={{ change: Number(data.brokenChange) }} onClick={() => setOpen(false)}>
                  {t('activity.change', { id: String(data.brokenChange) })}
                </Link>
              )}
              <Text size="xs" c="dimmed" className="mono" style={{ overflowWrap: 'anywhere' }}>
                {data.head}
              </Text>
              <Group justify="space-between">
                <Text size="sm" c="dimmed">
                  {provenAt && <Ago date={provenAt} />}
                </Text>
                <Button variant="default" onClick={() => setOpen(false)}>
                  {t('common.close')}
                </Button>
              </Group>
            </div>
          )}
        </Modal>
      )}
    </>
  )
}
