/** All methods by service, narrowed by words. Arrow keys go from one to the next. */
import type { DescMethod } from '@bufbuild/protobuf'
import { TextInput, VisuallyHidden } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import { IconLock, IconSearch } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { Empty } from '../ui/empty.tsx'
import { type Contracts, find, idOf } from './contracts.ts'
import styles from './explorer.module.css'

const route = getRouteApi('/app/explorer')

export function MethodList({ contracts, current }: { contracts: Contracts; current: DescMethod | undefined }) {
  const { t } = useTranslation()
  const session = useSession()
  const navigate = route.useNavigate()
  const { find: words = '' } = route.useSearch()
  const input = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLElement>(null)
  useHotkeys([['/', () => input.current?.focus()]])
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = words
  }, [words])
  const search = useDebouncedCallback((text: string) => {
    void navigate({
      search: previous => ({ ...previous, find: text.trim() || undefined }),
      replace: true,
      resetScroll: false,
    })
  }, 150)
  // The current method is seen in a long list, without moving the page.
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>('[aria-current=page]')
    if (link && list.current && list.current.scrollHeight > list.current.clientHeight) {
      const { offsetTop, offsetHeight } = link
      const { scrollTop, clientHeight } = list.current
      if (offsetTop < scrollTop || offsetTop + offsetHeight > scrollTop + clientHeight) {
        list.current.scrollTop = offsetTop - clientHeight / 2
      }
    }
  }, [])
  const found = find(contracts.services, words)

  function move(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return
    const links = [...(list.current?.querySelectorAll('a') ?? [])]
    const place = links.indexOf(document.activeElement as HTMLAnchorElement)
    const next = { ArrowDown: place + 1, ArrowUp: place - 1 }[event.key]
    if (next === undefined) return
    event.preventDefault()
    const target = next < 0 ? input.current : links[next]
    target?.focus()
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys only move the focus between links
    <div onKeyDown={move} className={styles.list}>
      <TextInput
        ref={input}
        type="search"
        defaultValue={words}
        onChange={event => search(event.currentTarget.value)}
        aria-label={t('explorer.find')}
        placeholder={t('explorer.find')}
        leftSection={<IconSearch size={16} />}
        maxLength={100}
        mb="sm"
      />
      <nav ref={list} aria-label={t('explorer.methods')} className={styles.methods}>
        {found.map(({ service, methods }) => (
          <section key={service.typeName} aria-label={service.name}>
            <h2 className={styles.service} title={service.typeName}>
              {service.name} <span>{service.file.proto.package}</span>
            </h2>
            <ul>
              {methods.map(method => (
                <li key={method.name}>
                  <Link
                    to="/explorer"
                    search={{ method: idOf(method), ...(words && { find: words }) }}
                    className={styles.link}
                    aria-current={method === current ? 'page' : undefined}
                    resetScroll={false}
                  >
                    <span>{method.name}</span>
                    <Marks method={method} isOpen={mayCall(session, method)} />
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {found.length === 0 && <Empty title={t('explorer.noneFound')} hint={t('explorer.noneFoundHint')} />}
      </nav>
    </div>
  )
}

function Marks({ method, isOpen }: { method: DescMethod; isOpen: boolean }) {
  const { t } = useTranslation()
  return (
    <span className={styles.marks}>
      {method.methodKind === 'server_streaming' && (
        <span className={styles.mark}>{t('explorer.kind.streamShort')}</span>
      )}
      {!isOpen && (
        <span title={t('explorer.access.notYours')}>
          <IconLock size={13} aria-hidden="true" />
          <VisuallyHidden>{t('explorer.access.notYours')}</VisuallyHidden>
        </span>
      )}
    </span>
  )
}
