/** What a change or a finding is of. Pure. */
export interface Subject {
  kind: string
  name: string
}

/** `instances/users-1` -> instances, users-1; `mesh` stands for itself. */
export function subjectOf(subject: string): Subject {
  const slash = subject.indexOf('/')
  return slash < 0 ? { kind: subject, name: '' } : { kind: subject.slice(0, slash), name: subject.slice(slash + 1) }
}

/** @param serviceOf the service of an instance, where it is known. @returns the address of what a subject names. */
export function addressOf(subject: string, serviceOf: (instance: string) => string | undefined): string | undefined {
  const { kind, name } = subjectOf(subject)
  const part = encodeURIComponent(name)
  if (kind === 'services') return `/services/${part}`
  if (kind === 'instances') {
    const service = serviceOf(name)
    return service && `/services/${encodeURIComponent(service)}/${part}`
  }
  if (kind === 'deployments') return undefined
  return ['proxies', 'keys', 'authorities'].includes(kind) ? '/gateway' : undefined
}
