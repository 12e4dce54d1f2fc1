export const userTabs = ['profile', 'edit', 'disable', 'sessions', 'activity'] as const
export type UserTab = (typeof userTabs)[number]

/** @returns what of a user's URL is understood: the part that is open, the profile when there is none. */
export function userSearch({ tab }: Record<string, unknown>): { tab?: UserTab } {
  const known = userTabs.find(name => name === tab)
  return known && known !== 'profile' ? { tab: known } : {}
}
