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
