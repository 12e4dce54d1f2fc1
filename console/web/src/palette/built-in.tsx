/** What the palette always has: pages, what is in the mesh, users, methods, and what can be done with them. */
import { useQuery } from '@connectrpc/connect-query'
import { useMantineColorScheme } from '@mantine/core'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { useSignOut } from '../account/use-sign-out.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { changeLanguage, type Language, languages } from '../i18n/index.ts'
import { hrefOf } from '../mesh/links.tsx'
import { healthOf } from '../mesh/state.ts'
import { useMesh } from '../mesh/use-mesh.ts'
import { drain, resume } from '../services/actions.ts'
import { useDensity } from '../ui/density.ts'
import { pages } from '../ui/frame.tsx'
import type { Command } from './commands.ts'
import { goTo } from './keys.ts'

/** @param asked what is typed, once it rests: users are searched for by it. */
export function useBuiltIn(asked: string, onMap: () => void): Command[] {
  return [
    ...usePageCommands(),
    ...useMeshCommands(),
    ...useUserCommands(asked),
    ...useMethodCommands(),
    ...useOwnCommands(onMap),
  ]
}

/** Goes to an address that the router may type otherwise, with its search. */
function useGo() {
  const navigate = useNavigate()
  return (href: string) => navigate({ href })
}

function usePageCommands(): Command[] {
  const { t } = useTranslation()
  const session = useSession()
  const go = useGo()
  return pages
    .filter(({ method }) => mayCall(session, method))
    .map(({ to, title }) => {
      const [letter] = Object.entries(goTo).find(([, path]) => path === to) ?? []
      return {
        id: `pages/${to}`,
        title: t(title),
        group: 'pages',
        words: to.slice(1),
        run: () => go(to),
        ...(letter && { keys: `g ${letter}` }),
      }
    })
}

function useMeshCommands(): Command[] {
  const { t } = useTranslation()
  const session = useSession()
  const go = useGo()
  const { value: mesh } = useMesh()
  if (!mesh) return []
  const instances = [...mesh.instances.values()].flatMap(({ instance, registered }) =>
    instance && registered ? [instance] : [],
  )
  const services = [...new Set([...(mesh.health?.services ?? []), ...instances].map(({ service }) => service))].sort()
  const mayDrain = mayCall(session, RegistryService.method.drainInstance)
  return [
    ...services.map(
      (name): Command => ({
        id: `services/${name}`,
        title: name,
        group: 'services',
        words: t('nav.services'),
        run: () => go(hrefOf(`services/${name}`) ?? '/'),
      }),
    ),
    ...instances.flatMap((instance): Command[] => {
      const { instance: name, service, version } = instance
      const state = healthOf(instance)
      const show: Command = {
        id: `instances/${name}`,
        title: name,
        group: 'instances',
        hint: `${t(`state.${state.name}`)} · ${version}`,
        words: service,
        run: () => go(hrefOf(`instances/${name}`, mesh) ?? '/'),
      }
      if (!mayDrain || service === 'console') return [show]
      const isDrained = instance.drainedBy !== ''
      const act: Command = isDrained
        ? { id: `resume/${name}`, title: t('palette.resume', { name }), group: 'actions', run: () => resume(name) }
        : { id: `drain/${name}`, title: t('palette.drain', { name }), group: 'actions', run: () => drain(name) }
      return [show, act]
    }),
  ]
}

function useUserCommands(asked: string): Command[] {
  const { t } = useTranslation()
  const go = useGo()
  const { listUsers } = UsersService.method
  const enabled = mayCall(useSession(), listUsers) && asked !== ''
  const { data } = useQuery(listUsers, { search: asked.slice(0, 100), pageSize: 6 }, { enabled })
  return (enabled ? (data?.users ?? []) : []).map(({ id, displayName, email }) => ({
    id: `users/${id}`,
    title: displayName || email,
    group: 'users',
    hint: displayName && email,
    // The server has found them by rules of its own.
    words: `${email} ${asked} ${t('nav.users')}`,
    run: () => go(hrefOf(`users/${id}`) ?? '/users'),
  }))
}

function useMethodCommands(): Command[] {
  const go = useGo()
  const { listRoutes } = DiagnosticsService.method
  const { data } = useQuery(listRoutes, {}, { staleTime: 60_000, enabled: mayCall(useSession(), listRoutes) })
  return (data?.routes ?? []).map(({ path, service, bindings }) => ({
    id: `methods/${path}`,
    title: path.slice(path.lastIndexOf('/') + 1),
    group: 'methods',
    hint: bindings[0] ? `${bindings[0].verb} ${bindings[0].path}` : service,
    words: `${path} ${bindings.map(binding => binding.path).join(' ')}`,
    run: () => go(`/explorer?method=${encodeURIComponent(path.slice(1))}`),
  }))
}

function useOwnCommands(onMap: () => void): Command[] {
  const { t, i18n } = useTranslation()
  const go = useGo()
  const session = useSession()
  const signOut = useSignOut()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const [density, setDensity] = useDensity()
  const themes = (['light', 'dark', 'auto'] as const).filter(theme => theme !== colorScheme)
  const others = (Object.keys(languages) as Language[]).filter(language => language !== i18n.language)
  const denser = density === 'dense' ? 'comfortable' : 'dense'
  const mayRotate = mayCall(session, RegistryService.method.rotateSecrets)
  const mayVerify = mayCall(session, DiagnosticsService.method.verifyChanges)
  return [
    ...themes.map(
      (theme): Command => ({
        id: `theme/${theme}`,
        title: t('palette.theme', { theme: t(`nav.themes.${theme}`) }),
        group: 'actions',
        words: theme,
        run: () => setColorScheme(theme),
      }),
    ),
    ...others.map(
      (language): Command => ({
        id: `language/${language}`,
        title: t('palette.language', { language: languages[language] }),
        group: 'actions',
        words: `language 언어 ${language}`,
        run: () => changeLanguage(language),
      }),
    ),
    {
      id: `density/${denser}`,
      title: t('palette.density', { density: t(`nav.densities.${denser}`) }),
      group: 'actions',
      run: () => setDensity(denser),
    },
    ...(mayRotate
      ? [
          {
            id: 'rotate/keys',
            title: t('gateway.rotateKeys'),
            group: 'actions' as const,
            words: 'JWKS',
            run: () => go('/gateway?tab=trust&rotate=keys'),
          },
          {
            id: 'rotate/ca',
            title: t('gateway.rotateCa'),
            group: 'actions' as const,
            words: 'CA',
            run: () => go('/gateway?tab=trust&rotate=ca'),
          },
        ]
      : []),
    ...(mayVerify
      ? [
          {
            id: 'verify',
            title: t('activity.verify'),
            group: 'actions' as const,
            run: () => go('/activity?verify=true'),
          },
        ]
      : []),
    { id: 'keys', title: t('palette.map.title'), group: 'actions', keys: '?', run: onMap },
    { id: 'sign-out', title: t('nav.signOut'), group: 'actions', words: 'logout', run: signOut },
  ]
}
