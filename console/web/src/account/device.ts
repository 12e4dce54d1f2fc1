const browsers = [
  ['Edge', /Edg(A|iOS)?\//],
  ['Opera', /OPR\//],
  ['Samsung Internet', /SamsungBrowser\//],
  ['Whale', /Whale\//],
  ['Firefox', /(Firefox|FxiOS)\//],
  ['Chrome', /(Chrome|CriOS)\//],
  ['Safari', /Version\/.*Safari\//],
] as const

const systems = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux/],
] as const

export interface Device {
  browser: string
  system: string
}

/** @returns browser and system by a User-Agent, for people to know their devices by; undefined when it is no browser's. */
export function deviceOf(userAgent: string): Device | undefined {
  // The order matters: most browsers also claim to be those after them.
  const browser = browsers.find(([, mark]) => mark.test(userAgent))
  const system = systems.find(([, mark]) => mark.test(userAgent))
  return browser && system && { browser: browser[0], system: system[0] }
}
