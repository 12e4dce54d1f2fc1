/** From what the mesh calls a thing (`instances/users-1`) to the page that shows it. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { subjectOf } from './subject.ts'
import type { Mesh } from './use-mesh.ts'

const path = (...parts: string[]) => `/${parts.map(encodeURIComponent).join('/')}`

/**
 * @param subject of a finding or a change.
 * @returns undefined for what has no page.
 */
export function hrefOf(subject: string, mesh?: Pick<Mesh, 'instances'>): string | undefined {
  const { kind, name } = subjectOf(subject)
  switch (kind) {
    case 'services':
      return path('services', name)
    case 'instances': {
      // One that is gone is known by the name alone: that of its service and a number.
      const service = mesh?.instances.get(name)?.instance?.service || name.replace(/-\d+$/, '')
      return path('services', service, name)
    }
    case 'proxies':
      return '/gateway?tab=proxies'
    case 'keys':
    case 'authorities':
      return '/gateway?tab=trust'
    case 'users':
      return path('users', name)
    case 'mesh':
      return '/'
    default:
      return undefined
  }
}

/** A link where there is a page, else the text alone. */
export function SubjectLink({
  subject,
  mesh,
  className,
  children,
}: {
  subject: string
  mesh?: Pick<Mesh, 'instances'> | undefined
  className?: string
  children: ReactNode
}) {
  const href = hrefOf(subject, mesh)
  if (!href) return <span className={className}>{children}</span>
  const { pathname, search } = new URL(href, location.origin)
  return (
    <Link to={pathname} search={Object.fromEntries(new URLSearchParams(search))} className={className}>
      {children}
    </Link>
  )
}
