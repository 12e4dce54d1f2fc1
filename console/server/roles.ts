/** Roles are named sets of scopes. Contracts ask for scopes, never for roles. */

/** Every scope that a contract asks for. */
export const allScopes = [
  'events:read',
  'events:write',
  'mesh:read',
  'mesh:write',
  'profile',
  'sessions:admin',
  'statistics:read',
  'statistics:track',
  'statistics:write',
  'users:admin',
  'users:read',
  'users:write',
] as const

const scopesByRole: Readonly<Record<string, readonly string[]>> = {
  admin: allScopes,
  operator: [
    'events:read',
    'events:write',
    'mesh:read',
    'mesh:write',
    'profile',
    'statistics:read',
    'statistics:track',
    'statistics:write',
    'users:read',
  ],
  user: ['profile', 'statistics:track'],
}

/** @returns the scopes that the roles grant together, sorted. An unknown role grants nothing. */
export function scopesOf(roles: string[]): string[] {
  return [
    ...new Set(roles.flatMap(role => (Object.hasOwn(scopesByRole, role) ? (scopesByRole[role] ?? []) : []))),
  ].sort()
}
