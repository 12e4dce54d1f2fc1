/** What stands around every page: navigation at the left (a sheet on a narrow screen) and the top bar. */
import { useQuery } from '@connectrpc/connect-query'
import { ActionIcon, Breadcrumbs, Group, Text } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { StatisticsService } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import {
  IconApi,
  IconBolt,
  IconBoxMultiple,
  IconChartLine,
  IconGauge,
  IconHistory,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconLogout,
  IconMenu2,
  IconRoute,
  IconSitemap,
  IconUserCircle,
  IconUsers,
} from '@tabler/icons-react'
import { Link, Outlet, useMatches, useNavigate } from '@tanstack/react-router'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { GeneratedPassword } from '../account/generated-password.tsx'
import { SessionEnded } from '../account/session-ended.tsx'
import { useSignOut } from '../account/use-sign-out.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { MeshPill } from '../mesh/summary.tsx'
import { PaletteHost } from '../palette/host.tsx'
import { BarMenu, BarMenuItem } from './bar-menu.tsx'
import styles from './frame.module.css'
import { PageCalls } from './page-calls.tsx'
import { Preferences } from './preferences.tsx'

/** A page is offered to those who may call what it shows, or what the same roles may: its own contract comes with the page. */
export const pages = [
  { to: '/', title: 'nav.overview', icon: IconGauge, method: RegistryService.method.listInstances },
  { to: '/topology', title: 'nav.topology', icon: IconSitemap, method: DiagnosticsService.method.watchMesh },
  { to: '/services', title: 'nav.services', icon: IconBoxMultiple, method: RegistryService.method.listInstances },
  { to: '/gateway', title: 'nav.gateway', icon: IconRoute, method: DiagnosticsService.method.listRoutes },
  { to: '/explorer', title: 'nav.explorer', icon: IconApi, method: AuthService.method.getMe },
  { to: '/events', title: 'nav.events', icon: IconBolt, method: DiagnosticsService.method.watchMesh },
  { to: '/statistics', title: 'nav.statistics', icon: IconChartLine, method: StatisticsService.method.watchSignals },
  { to: '/users', title: 'nav.users', icon: IconUsers, method: UsersService.method.listUsers },
  { to: '/activity', title: 'nav.activity', icon: IconHistory, method: DiagnosticsService.method.listChanges },
  { to: '/me', title: 'nav.me', icon: IconUserCircle, method: UsersService.method.getMe },
] as const

export function Frame() {
  const { t } = useTranslation()
  const sheet = useRef<HTMLDialogElement>(null)
  const [folded, setFolded] = useLocalStorage({
    key: 'site11-folded',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const FoldIcon = folded ? IconLayoutSidebarLeftExpand : IconLayoutSidebarLeftCollapse
  return (
    <div className={`${styles.frame} ${folded ? styles.folded : ''}`}>
      <a href="#content" className={styles.skip}>
        {t('nav.skip')}
      </a>
      <nav className={styles.side} aria-label={t('nav.label')}>
        <Brand folded={folded} />
        <Nav folded={folded} />
        <ActionIcon
          className={styles.fold}
          variant="subtle"
          color="gray"
          size="lg"
          onClick={() => setFolded(!folded)}
          {...labelled(t(folded ? 'nav.unfold' : 'nav.fold'))}
        >
          <FoldIcon size={18} />
        </ActionIcon>
      </nav>
      {/* The browser's own dialog: keeps the focus inside, closes with Esc. A click on what is not a link is one beside it. */}
      <dialog ref={sheet} className={styles.sheet} aria-label={t('nav.label')} closedby="any">
        <Brand />
        <Nav onChoose={() => sheet.current?.close()} />
        {/* Where there is no room for them in the bar. */}
        <div className={styles.preferences}>
          <Preferences />
        </div>
      </dialog>
      <div>
        <header className={styles.bar}>
          <Group gap="xs" wrap="nowrap" className={styles.place}>
            <ActionIcon
              className={styles.burger}
              variant="subtle"
              color="gray"
              size="lg"
              onClick={() => sheet.current?.showModal()}
              aria-label={t('nav.open')}
            >
              <IconMenu2 size={18} />
            </ActionIcon>
            <Crumbs />
          </Group>
          <Group gap={4} wrap="nowrap">
            <MeshPill />
            <PaletteHost />
            <PageCalls />
            <div className={styles.wide}>
              <Preferences />
            </div>
            <Account />
          </Group>
        </header>
        <GeneratedPassword />
        <main id="content" tabIndex={-1} className={styles.content}>
          <Outlet />
        </main>
      </div>
      <SessionEnded />
    </div>
  )
}

/** For what shows an icon only: to be heard and to be seen on hover. */
const labelled = (label: string) => ({ 'aria-label': label, title: label })

function Brand({ folded = false }: { folded?: boolean }) {
  return (
    <Link to="/" className={styles.brand}>
      <img src="/favicon.svg" alt={folded ? 'site11' : ''} />
      {!folded && 'site11'}
    </Link>
  )
}

function Nav({ folded = false, onChoose }: { folded?: boolean; onChoose?: () => void }) {
  const { t } = useTranslation()
  const session = useSession()
  return (
    <div className={styles.nav}>
      {pages
        .filter(({ method }) => mayCall(session, method))
        .map(({ to, title, icon: Icon }) => (
          <Link
            key={to}
            to={to}
            activeOptions={{ exact: to === '/', includeSearch: false }}
            className={styles.link}
            {...(onChoose && { onClick: onChoose })}
            {...(folded && labelled(t(title)))}
          >
            <Icon size={18} stroke={1.7} />
            {!folded && t(title)}
          </Link>
        ))}
    </div>
  )
}

function Crumbs() {
  const { t } = useTranslation()
  const crumbs = useMatches().flatMap(({ staticData: { title, titleParam }, params, pathname }) => {
    const name = title ? t(title) : titleParam && (params as Partial<Record<typeof titleParam, string>>)[titleParam]
    return name ? [{ title: name, pathname }] : []
  })
  return (
    <Breadcrumbs separatorMargin={6} fz="sm" className={styles.crumbs}>
      {crumbs.map(({ title, pathname }, place) =>
        place < crumbs.length - 1 ? (
          <Link key={pathname} to={pathname} search className={styles.crumb}>
            {title}
          </Link>
        ) : (
          <Text key={pathname} size="sm" fw={500}>
            {title}
          </Text>
        ),
      )}
    </Breadcrumbs>
  )
}

function Account() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { data: me } = useQuery(AuthService.method.getMe, {}, { staleTime: 60_000 })
  const signOut = useSignOut()
  const name = me?.displayName || me?.email || ''

  return (
    <BarMenu label={t('nav.account', { name })} button={<IconUserCircle size={20} stroke={1.7} />}>
      <Text size="sm" c="dimmed" px={10} py={6}>
        {me?.email}
      </Text>
      <BarMenuItem onClick={() => void navigate({ to: '/me' })}>
        <IconUserCircle size={16} />
        {t('nav.me')}
      </BarMenuItem>
      <BarMenuItem onClick={signOut}>
        <IconLogout size={16} />
        {t('nav.signOut')}
      </BarMenuItem>
    </BarMenu>
  )
}
