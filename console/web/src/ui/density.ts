import { useLocalStorage } from '@mantine/hooks'

export const densities = ['comfortable', 'dense'] as const
export type Density = (typeof densities)[number]

/** How much air lists have: one choice for all of them. */
export const useDensity = () =>
  useLocalStorage<Density>({
    key: 'site11-density',
    defaultValue: 'comfortable',
    getInitialValueInEffect: false,
    deserialize: text => (text === 'dense' ? 'dense' : 'comfortable'),
    serialize: density => density,
  })
