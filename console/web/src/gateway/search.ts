/** What of the gateway is shown: it lives in the URL. */
export const tabs = ['routes', 'proxies', 'trust', 'calls'] as const
export type Tab = (typeof tabs)[number]
export const rotations = ['keys', 'ca'] as const
export type Rotation = (typeof rotations)[number]

export interface GatewaySearch {
  /** Absent means the routes. */
  tab?: Tab
  /** A part of a method, a path or a scope. */
  search?: string
  service?: string
  /** Only routes with a rate limit. */
  limited?: true
  /** What is about to be replaced: asks first. */
  rotate?: Rotation
}

const text = (value: unknown, length: number) =>
  typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, length) : ''

export function gatewaySearch(raw: Record<string, unknown>): GatewaySearch {
  const tab = tabs.find(name => name === raw.tab)
  const rotate = rotations.find(name => name === raw.rotate)
  const [search, service] = [text(raw.search, 100), text(raw.service, 64)]
  return {
    ...(tab && tab !== 'routes' && { tab }),
    ...(search && { search }),
    ...(service && { service }),
    ...(raw.limited === true && { limited: true }),
    ...(rotate && { rotate }),
  }
}
