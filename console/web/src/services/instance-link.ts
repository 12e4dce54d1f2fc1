/** Where an instance opens: over this page, under an address of its own. */
export const instanceLink = (service: string, instance: string) => ({
  to: '.' as const,
  search: (previous: object) => ({ ...previous, instance }),
  mask: {
    to: '/services/$service/$instance' as const,
    params: { service, instance },
    search: {},
    unmaskOnReload: true,
  },
  resetScroll: false,
})
