/** Times and sizes as words: pure. */

/** @returns such as "12 ms" or "1.3 sec". */
export function msText(ms: number, language: string): string {
  const isShort = ms < 1000
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: isShort ? 'millisecond' : 'second',
    maximumFractionDigits: isShort ? 0 : 1,
  }).format(isShort ? ms : ms / 1000)
}

/** @returns such as "430 byte" or "1.2 kB". */
export function bytesText(bytes: number, language: string): string {
  const [unit, size] = bytes < 1000 ? ['byte', 1] : bytes < 1e6 ? ['kilobyte', 1000] : ['megabyte', 1e6]
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: String(unit),
    unitDisplay: size === 1 ? 'long' : 'short',
    maximumFractionDigits: 1,
  }).format(bytes / Number(size))
}
