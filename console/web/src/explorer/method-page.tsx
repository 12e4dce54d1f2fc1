/** One method: what it is, the request to send, what came back. */
import type { DescMethod, JsonValue, Registry } from '@bufbuild/protobuf'
import { fromJson, getOption } from '@bufbuild/protobuf'
import { ConnectError } from '@connectrpc/connect'
import { Button, Group, SegmentedControl, Stack, Tabs, Text, Title } from '@mantine/core'
import { getHotkeyHandler } from '@mantine/hooks'
import { BadRequestSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { IconLink, IconSend } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import type { TFunction } from 'i18next'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { isObject } from '../api/rest-call.ts'
import { hasSecrets, withoutSecrets } from '../api/secrets.ts'
import { useSession } from '../api/use-session.ts'
import { copyText } from '../ui/clipboard.ts'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { toastDone, toastProblem } from '../ui/toasts.tsx'
import { idOf } from './contracts.ts'
import type { Issue } from './draft.ts'
import styles from './explorer.module.css'
import { MessageFields } from './fields.tsx'
import { FormContext, inputId } from './form-context.ts'
import { forget, pastCalls, remember } from './history.ts'
import { HistoryPanel } from './history-panel.tsx'
import { wayOf } from './issue-place.ts'
import { issueWords } from './issue-words.ts'
import { placeKey } from './json-text.ts'
import { JsonView } from './json-view.tsx'
import { MethodFacts } from './method-facts.tsx'
import { Reference } from './reference.tsx'
import { Response } from './response.tsx'
import { RestView } from './rest-view.tsx'
import { type Tab, tabs, type View, views } from './search.ts'
import { type Call, statusOf, useCall } from './use-call.ts'
import { sharedPart, useRequest } from './use-request.ts'

const route = getRouteApi('/app/explorer')

interface MethodPageProps {
  method: DescMethod
  registry: Registry
}

export function MethodPage({ method, registry }: MethodPageProps) {
  const { t } = useTranslation()
  const userId = useSession()?.userId ?? ''
  const { tab = 'call' } = route.useSearch()
  const navigate = route.useNavigate()
  const [past, setPast] = useState(() => pastCalls(localStorage, userId))
  const request = useRequest(method, registry)
  const keep = (call: Call) =>
    setPast(
      remember(localStorage, userId, {
        method: idOf(method),
        request: withoutSecrets(method.input, call.draft),
        time: call.time.getTime(),
        code: statusOf(call),
        ms: call.ms,
        count: call.count,
      }),
    )
  const sending = useCall(registry, keep)
  const open = (next: string | null) => {
    const known = tabs.find(each => each === next)
    void navigate({
      search: previous => ({ ...previous, tab: known === 'call' ? undefined : known }),
      replace: true,
      resetScroll: false,
    })
  }
  return (
    <Stack gap="md">
      <MethodFacts method={method} />
      <Tabs value={tab} onChange={open} keepMounted={false}>
        <Tabs.List mb="md">
          {tabs.map((each: Tab) => (
            <Tabs.Tab key={each} value={each}>
              {t(`explorer.tabs.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="call">
          <CallPanel method={method} registry={registry} request={request} sending={sending} />
        </Tabs.Panel>
        <Tabs.Panel value="reference">
          <Reference method={method} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <HistoryPanel
            calls={past}
            onClear={() => {
              forget(localStorage, userId)
              setPast([])
            }}
          />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

interface CallPanelProps extends MethodPageProps {
  request: ReturnType<typeof useRequest>
  sending: ReturnType<typeof useCall>
}

function CallPanel({ method, registry, request, sending }: CallPanelProps) {
  const { t } = useTranslation()
  const session = useSession()
  const { view = 'form' } = route.useSearch()
  const navigate = route.useNavigate()
  const { draft, text, wrong, broken } = request
  const { call, start, stop } = sending
  const pane = useRef<HTMLElement>(null)
  const [held, setHeld] = useState(0)
  const refused = useMemo(() => (call?.draft === draft ? refusedFields(call.failure) : []), [call, draft])
  const issues = [...wrong, ...broken, ...refused]
  const errors = new Map(issues.toReversed().map(issue => [issue.path, issueWords(issue, t)]))
  const isWell = request.isObject && wrong.length === 0
  const isCallable = method.methodKind === 'unary' || method.methodKind === 'server_streaming'
  const isBusy = call !== undefined && call.phase !== 'ended'

  // To the first thing that is wrong; it may have been found only now.
  useEffect(() => {
    if (held > 0) pane.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [held])

  async function send(obey: boolean) {
    if (!request.isObject) return
    const message = await request.message(obey)
    if (message) await start(method, draft, message)
    else setHeld(times => times + 1)
  }

  function show(next: string) {
    const known = views.find(each => each === next)
    void navigate({
      search: previous => ({ ...previous, view: known === 'form' ? undefined : known }),
      replace: true,
      resetScroll: false,
    })
  }

  return (
    <div className={styles.panes}>
      <section
        ref={pane}
        className={styles.pane}
        aria-labelledby="request-title"
        onKeyDown={getHotkeyHandler([['mod+Enter', () => void send(true)]])}
      >
        <Group justify="space-between" gap="xs" mb="sm">
          <Title order={3} size="h2" id="request-title">
            {t('explorer.request')}
          </Title>
          <Group gap="xs">
            <ShareButton method={method} request={request} />
            <CopyCallMenu
              method={method}
              request={isWell ? fromJson(method.input, draft, { registry }) : {}}
              registry={registry}
              disabled={!isWell}
            />
          </Group>
        </Group>
        <SegmentedControl
          size="xs"
          mb="md"
          aria-label={t('explorer.view')}
          value={view}
          onChange={show}
          data={views.map((each: View) => ({ value: each, label: t(`explorer.views.${each}`) }))}
        />
        <FormContext value={{ registry, errors }}>
          {view === 'json' ? (
            <JsonView text={text} onText={request.setText} issues={placed(issues, request, t)} />
          ) : !request.isObject ? (
            <Text role="alert">{t('explorer.form.notJson')}</Text>
          ) : view === 'rest' ? (
            <RestView method={method} draft={draft} registry={registry} isWell={isWell} />
          ) : method.input.fields.length === 0 ? (
            <Text c="dimmed">{t('explorer.form.noFields')}</Text>
          ) : (
            <MessageFields message={method.input} json={draft} path="" onChange={request.setForm} />
          )}
        </FormContext>
        {view !== 'json' && <Elsewhere issues={issues} />}
        <Hints method={method} isCallable={isCallable} isMine={mayCall(session, method)} />
        <div className={styles.send}>
          <Group gap="xs">
            <Button
              leftSection={<IconSend size={16} />}
              disabled={!isCallable || !request.isObject}
              loading={call?.phase === 'sending'}
              aria-keyshortcuts="Control+Enter"
              onClick={() => void send(true)}
            >
              {t('explorer.send', { name: method.name })}
            </Button>
            {broken.length > 0 && (
              <Button variant="default" disabled={isBusy} onClick={() => void send(false)}>
                {t('explorer.sendAnyway')}
              </Button>
            )}
          </Group>
        </div>
      </section>
      <Response call={call} registry={registry} onStop={stop} onAgain={() => void send(false)} />
    </div>
  )
}

function Hints({ method, isCallable, isMine }: { method: DescMethod; isCallable: boolean; isMine: boolean }) {
  const { t } = useTranslation()
  const { audit } = getOption(method, policyOption)
  const hints = [
    ...(isCallable ? [] : [t('explorer.hint.notInBrowser')]),
    ...(isMine ? [] : [t('explorer.hint.notYours')]),
    ...(audit ? [t('explorer.hint.audit')] : []),
    ...(hasSecrets(method.input) ? [t('explorer.hint.secrets')] : []),
  ]
  if (hints.length === 0) return null
  return (
    <div className={styles.hints}>
      {hints.map(hint => (
        <div key={hint}>{hint}</div>
      ))}
    </div>
  )
}

/** What is wrong with what the form does not show. */
function Elsewhere({ issues }: { issues: Issue[] }) {
  const { t } = useTranslation()
  const hidden = issues.filter(({ path, expected }) => path === '' || expected?.kind === 'unknown')
  return hidden.map(issue => (
    <Text
      key={issue.path + issueWords(issue, t)}
      size="sm"
      mt="sm"
      c="var(--mantine-color-error)"
      id={inputId(issue.path)}
    >
      {issue.path && <span className="mono">{issue.path}</span>} {issueWords(issue, t)}
    </Text>
  ))
}

function ShareButton({ method, request }: { method: DescMethod; request: ReturnType<typeof useRequest> }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  async function share() {
    const shared = sharedPart(method, request.draft)
    try {
      await navigate({
        search: previous => ({ ...previous, request: shared, find: undefined }),
        replace: true,
        resetScroll: false,
      })
      await copyText(location.href)
      const isWhole = shared !== undefined || Object.keys(withoutSecrets(method.input, request.draft)).length === 0
      await toastDone(t(isWhole ? 'explorer.share.done' : 'explorer.share.tooLong'))
    } catch (error) {
      await toastProblem(error)
    }
  }
  return (
    <Button size="compact-sm" variant="default" leftSection={<IconLink size={14} />} onClick={() => void share()}>
      {t('explorer.share.label')}
    </Button>
  )
}

/** What the service found wrong, at the fields it names. */
function refusedFields(failure: unknown): Issue[] {
  if (failure === undefined) return []
  return ConnectError.from(failure)
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations)
    .map(({ field, description }) => ({ path: field, rule: { id: '', message: description, limit: undefined } }))
}

/** Where in the text of the request what is wrong stands. */
function placed(issues: Issue[], { text, parsed }: ReturnType<typeof useRequest>, t: TFunction) {
  if ('fault' in parsed) return [{ place: parsed.fault, path: '', words: t('explorer.issue.json') }]
  const { value, places } = parsed
  const whole = { from: 0, to: text.length }
  if (!isObject(value)) return [{ place: whole, path: '', words: t('explorer.issue.object') }]
  return issues.map(issue => {
    const way = wayOf(value as JsonValue, issue.path)
    return { place: places.get(placeKey(way)) ?? whole, path: issue.path, words: issueWords(issue, t) }
  })
}
