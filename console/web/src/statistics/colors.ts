/** The colours of series. Green, amber and red belong to state: no series has them. */
const series = {
  light: ['#3f67e6', '#8a4fd0', '#0b7f9e', '#b83f86', '#5d646e', '#213c8f', '#6f9bf5', '#a98be0', '#54b2cc', '#d683b6'],
  dark: ['#7797fa', '#b58cf0', '#4fb8d6', '#e07fb8', '#a5abb4', '#dce6ff', '#3f67e6', '#8a5fd0', '#2b8fae', '#b05a90'],
} as const
export const levels = {
  light: { 1: '#18794e', 2: '#a14a00', 3: '#c62a2f' },
  dark: { 1: '#3dd68c', 2: '#ffc53d', 3: '#ff9592' },
} as const
export type Scheme = keyof typeof series

/** The lines beyond the colours go round once more, dashed. */
export const colorOf = (place: number, scheme: Scheme): string => series[scheme][place % 10] ?? series[scheme][0]
export const dashOf = (place: number, earlier: boolean): number[] | undefined =>
  earlier ? [3, 4] : place >= 10 ? [8, 3] : undefined
