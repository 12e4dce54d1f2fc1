export const findings = {
  none: 'Nothing else is wrong.',
  next: 'Next:',
  changes: 'Changes:',
  mesh: 'The mesh',
  severities: { failing: 'Callers notice', degraded: 'Nobody notices yet', unknown: 'Worth knowing' },
}
