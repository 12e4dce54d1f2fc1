/** Every page and its address. Sign-in and the overview are there from the start; the others load when they are first needed. */

import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { Door } from './account/door.tsx'
import { Login } from './account/login.tsx'
import { safeTarget } from './account/target.ts'
import { activitySearch } from './activity/search.ts'
import { resumption, sessions } from './api/client.ts'
import { mayCall } from './api/policy.ts'
import { eventsSearch } from './events/search.ts'
import { explorerSearch } from './explorer/search.ts'
import { gatewaySearch } from './gateway/search.ts'
import { withWords } from './i18n/index.ts'
import { Overview } from './overview/overview.tsx'
import { drawerSearch, serviceSearch, servicesSearch } from './services/search.ts'
import { statisticsSearch } from './statistics/search.ts'
import { topologySearch } from './topology/search.ts'
import { Frame } from './ui/frame.tsx'
import { Missing } from './ui/missing.tsx'
import { ProblemPage } from './ui/problem.tsx'
import { usersSearch } from './users/search.ts'
import { userSearch } from './users/user-tab.ts'

type CrumbTitle =
  | 'nav.overview'
  | 'nav.services'
  | 'nav.explorer'
  | 'nav.events'
  | 'nav.statistics'
  | 'nav.users'
  | 'nav.me'
  | 'nav.newUser'
  | 'nav.topology'
  | 'nav.gateway'
  | 'nav.activity'
  | 'nav.user'

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
  interface StaticDataRouteOption {
    /** Names the page in the breadcrumb. */
    title?: CrumbTitle
    /** The part of the address that names it, where it has no other name. */
    titleParam?: 'service' | 'instance'
  }
}

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing })

/** Whether this page has had a session: then its absence is news. */
let wasSignedIn = false

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  component: Frame,
  // Nobody can tell who is here: there is no frame then.
  errorComponent: ({ error }) => (
    <main>
      <ProblemPage error={error} onRetry={() => void router.invalidate()} />
    </main>
  ),
  beforeLoad: async ({ location }) => {
    // A session that has just ended is asked for in a dialog; where one wanted to go waits for that.
    if ((await sessions.ready()) || (await resumption.again())) {
      wasSignedIn = true
      return
    }
    throw redirect({ to: '/login', search: { redirect: location.href, ...(wasSignedIn && { ended: true }) } })
  },
})

const door = createRoute({
  getParentRoute: () => root,
  id: 'door',
  component: Door,
})

const overview = createRoute({
  getParentRoute: () => app,
  path: '/',
  staticData: { title: 'nav.overview' },
  component: Overview,
  beforeLoad: () => {
    if (!mayCall(sessions.current(), RegistryService.method.listInstances)) throw redirect({ to: '/me' })
  },
})

const services = createRoute({
  getParentRoute: () => app,
  path: '/services',
  staticData: { title: 'nav.services' },
  component: Outlet,
})

const serviceList = createRoute({
  getParentRoute: () => services,
  path: '/',
  validateSearch: servicesSearch,
  component: lazyRouteComponent(() => withWords(import('./services/services.tsx'), 'services'), 'Services'),
})

const service = createRoute({
  getParentRoute: () => services,
  path: '/$service',
  staticData: { titleParam: 'service' },
  component: Outlet,
})

const servicePage = createRoute({
  getParentRoute: () => service,
  path: '/',
  validateSearch: serviceSearch,
  component: lazyRouteComponent(() => withWords(import('./services/service.tsx'), 'services'), 'Service'),
})

const instancePage = createRoute({
  getParentRoute: () => service,
  path: '/$instance',
  staticData: { titleParam: 'instance' },
  validateSearch: drawerSearch,
  component: lazyRouteComponent(() => withWords(import('./services/instance-page.tsx'), 'services'), 'InstancePage'),
})

const explorer = createRoute({
  getParentRoute: () => app,
  path: '/explorer',
  staticData: { title: 'nav.explorer' },
  validateSearch: explorerSearch,
  component: lazyRouteComponent(() => withWords(import('./explorer/explorer.tsx'), 'explorer', 'copyCall'), 'Explorer'),
})

const events = createRoute({
  getParentRoute: () => app,
  path: '/events',
  staticData: { title: 'nav.events' },
  validateSearch: eventsSearch,
  component: lazyRouteComponent(
    () => withWords(import('./events/events.tsx'), 'events', 'copyCall', 'activity', 'explorer', 'gateway', 'users'),
    'Events',
  ),
})

const topology = createRoute({
  getParentRoute: () => app,
  path: '/topology',
  staticData: { title: 'nav.topology' },
  validateSearch: topologySearch,
  component: lazyRouteComponent(() => withWords(import('./topology/topology.tsx'), 'topology'), 'Topology'),
})

const gateway = createRoute({
  getParentRoute: () => app,
  path: '/gateway',
  staticData: { title: 'nav.gateway' },
  validateSearch: gatewaySearch,
  component: lazyRouteComponent(() => withWords(import('./gateway/gateway.tsx'), 'gateway'), 'Gateway'),
})

const activity = createRoute({
  getParentRoute: () => app,
  path: '/activity',
  staticData: { title: 'nav.activity' },
  validateSearch: activitySearch,
  component: lazyRouteComponent(() => withWords(import('./activity/activity.tsx'), 'activity'), 'Activity'),
})

const statistics = createRoute({
  getParentRoute: () => app,
  path: '/statistics',
  staticData: { title: 'nav.statistics' },
  validateSearch: statisticsSearch,
  component: lazyRouteComponent(
    () => withWords(import('./statistics/statistics.tsx'), 'statistics', 'copyCall'),
    'Statistics',
  ),
})

const users = createRoute({
  getParentRoute: () => app,
  path: '/users',
  staticData: { title: 'nav.users' },
  validateSearch: usersSearch,
  component: lazyRouteComponent(() => withWords(import('./users/users.tsx'), 'users', 'security'), 'Users'),
})

const newUser = createRoute({
  getParentRoute: () => users,
  path: '/new',
  staticData: { title: 'nav.newUser' },
  component: lazyRouteComponent(() => withWords(import('./users/create-user.tsx'), 'users'), 'CreateUser'),
})

const user = createRoute({
  getParentRoute: () => users,
  path: '/$userId',
  staticData: { title: 'nav.user' },
  validateSearch: userSearch,
  component: lazyRouteComponent(() => withWords(import('./users/user-detail.tsx'), 'users', 'security'), 'UserDetail'),
})

const me = createRoute({
  getParentRoute: () => app,
  path: '/me',
  staticData: { title: 'nav.me' },
  component: lazyRouteComponent(() => withWords(import('./account/me.tsx'), 'security'), 'Me'),
})

interface SignInSearch {
  /** Where to go afterwards. */
  redirect?: string
  ended?: boolean
}

const signInSearch = (search: Record<string, unknown>): SignInSearch => ({
  ...(typeof search.redirect === 'string' && { redirect: safeTarget(search.redirect) }),
  ...(search.ended === true && { ended: true }),
})

/** Who is signed in already goes on. When nobody can tell, the page says so at the first attempt. */
async function skipWhenSignedIn({ search }: { search: SignInSearch }) {
  const session = await sessions.ready().catch(() => null)
  if (session) throw redirect({ href: search.redirect ?? '/' })
}

const login = createRoute({
  getParentRoute: () => door,
  path: '/login',
  validateSearch: signInSearch,
  beforeLoad: skipWhenSignedIn,
  component: Login,
})

const register = createRoute({
  getParentRoute: () => door,
  path: '/register',
  validateSearch: signInSearch,
  beforeLoad: skipWhenSignedIn,
  component: lazyRouteComponent(() => import('./account/register.tsx'), 'Register'),
})

const resetPassword = createRoute({
  getParentRoute: () => door,
  path: '/reset-password',
  component: lazyRouteComponent(() => import('./account/reset-password.tsx'), 'ResetPassword'),
})

const verifyEmail = createRoute({
  getParentRoute: () => door,
  path: '/verify-email',
  component: lazyRouteComponent(() => import('./account/verify-email.tsx'), 'VerifyEmail'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    app.addChildren([
      overview,
      topology,
      services.addChildren([serviceList, service.addChildren([servicePage, instancePage])]),
      gateway,
      explorer,
      events,
      statistics,
      users.addChildren([newUser, user]),
      activity,
      me,
    ]),
    door.addChildren([login, register, resetPassword, verifyEmail]),
  ]),
  // What a page does not understand of its address is dropped: unknown values would come through to it otherwise.
  search: { strict: true },
  defaultPreload: 'intent',
  defaultPendingMs: 300,
  scrollRestoration: true,
  defaultErrorComponent: ({ error }) => <ProblemPage error={error} onRetry={() => void router.invalidate()} />,
})
