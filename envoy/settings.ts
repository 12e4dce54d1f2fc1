/** Settings of the commands in this folder, read from the environment. */

/** `host` is an IP address or a name. */
export type HostPort = { host: string; port: number }

type Readers = {
  text: (name: string, meaning: string) => string
  port: (name: string, meaning: string) => number
  hostPort: (name: string, meaning: string) => HostPort
}

/** Reads settings through the readers it gives. Throws one Error that names everything missing or wrong. */
export function readSettings<T>(env: Record<string, string | undefined>, read: (readers: Readers) => T): T {
  const problems: string[] = []
  const text = (name: string, meaning: string) => {
    const value = env[name] ?? ''
    if (value === '') problems.push(`${name} is not set: ${meaning}`)
    return value
  }
  const portIn = (name: string, digits: string) => {
    const port = Number(digits)
    if (!/^\d+$/.test(digits) || port < 1 || port > 65_535) problems.push(`${name} has no port between 1 and 65535`)
    return port
  }
  const port = (name: string, meaning: string) => {
    const value = text(name, meaning)
    return value === '' ? 0 : portIn(name, value)
  }
  const hostPort = (name: string, meaning: string) => {
    const value = text(name, meaning)
    const colon = value.lastIndexOf(':')
    if (value === '') return { host: '', port: 0 }
    if (colon < 1) problems.push(`${name} must be host:port`)
    const host = value.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1')
    return { host, port: colon < 1 ? 0 : portIn(name, value.slice(colon + 1)) }
  }
  const settings = read({ text, port, hostPort })
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return settings
}
