/** The commands that ask the Console. Each shows what it has to say, and gives its exit code. */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import type { Change, WaitForAcksResponse } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { SecretKind } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { type ConsoleClient, connectConsole, Unavailable } from './console-client.ts'
import type { Deployment } from './deployment.ts'
import { diagnose, diagnosisJson, isCritical } from './diagnose.ts'
import type { Home } from './home.ts'
import { terminalWidth, wrap } from './layout.ts'
import { portsFrom } from './ports.ts'
import type { ProcessStatus } from './process.ts'
import { printable } from './render.ts'
import { changeJson, renderChange } from './render-changes.ts'
import { renderDiagnosis } from './render-diagnosis.ts'
import { operatorTokenOf } from './secrets.ts'

type Show = (line: string) => void

/** @returns the Console of the mesh that has this home and edge port. Close it. */
export function consoleOf(home: Home, edgePort: number): ConsoleClient {
  const address = `127.0.0.1:${portsFrom(String(edgePort)).consoleGrpc}`
  // A Console that has never started has written none, and then it does not answer.
  return connectConsole(
    address,
    operatorTokenOf(home.secrets),
    existsSync(home.trust) ? readFileSync(home.trust) : undefined,
  )
}

export async function diagnoseCommand(
  client: ConsoleClient,
  home: Home,
  options: { json: boolean; processes: () => Promise<ProcessStatus[]>; deployments: () => Promise<Deployment[]> },
  show: Show,
): Promise<number> {
  const { json, processes, deployments } = options
  const diagnosis = await diagnose(client, home, processes, deployments)
  show(json ? JSON.stringify(diagnosisJson(diagnosis)) : renderDiagnosis(diagnosis, terminalWidth()))
  return diagnosis.findings.some(isCritical) ? 1 : 0
}

/** How long is waited for the proxies to take a change. s. */
const ackSeconds = 10

type Operation = { verb: 'drain' | 'resume' | 'remove' | 'forget'; name: string; reason: string; json: boolean }
const done = { drain: 'drained', resume: 'back in service', remove: 'removed', forget: 'forgotten' }

/** Does it and waits until the proxies have taken it; 1 when one has not. */
export async function operate(
  client: ConsoleClient,
  { verb, name, reason, json }: Operation,
  show: Show,
): Promise<number> {
  const { change } = await (verb === 'drain' ? client.drain(name, reason) : client[verb](name))
  const answer = await client.waitForAcks(change, ackSeconds)
  const proxies = await client.proxies()
  const waiting = new Set(answer.waiting.map(({ nodeId }) => nodeId))
  const takenBy = proxies.map(({ nodeId }) => nodeId).filter(nodeId => !waiting.has(nodeId))
  const text = () => renderOperation(`${name} is ${done[verb]}`, answer, takenBy, terminalWidth())
  show(json ? JSON.stringify({ name, action: verb, ...answer, takenBy }) : text())
  return answer.taken ? 0 : 1
}

/** What was done, and who acts by it already. */
function renderOperation(
  what: string,
  { change, waiting }: WaitForAcksResponse,
  takenBy: string[],
  width: number,
): string {
  const taken = takenBy.map(nodeId => `${styleText('green', '●')} ${printable(nodeId)} has taken it.`)
  const others = waiting.map(({ nodeId, reason }) =>
    wrap(`${printable(nodeId)} has not: ${printable(reason)}`, width, '  ', `${styleText('yellow', '◌')} `),
  )
  const none = taken.length + others.length === 0 ? ['No proxy is connected that could take it.'] : []
  return [`${what} (change ${change}).`, ...taken, ...others, ...none].join('\n')
}

type Listing = { filter: string; lines: number; follow: boolean; json: boolean }

/** Shows the last changes, the newest at the end, and those that come until the signal, also across restarts of the Console. */
export async function showChanges(
  client: ConsoleClient,
  { filter, lines, follow, json }: Listing,
  show: Show,
  signal: AbortSignal,
): Promise<number> {
  const [newest] = await client.changes('', 1)
  let last = newest?.id ?? 0
  const print = (changes: Change[]) => {
    for (const change of changes) show(json ? changeJson(change) : renderChange(change, terminalWidth()))
  }
  // The filter as it was written: what is wrong with it is told by its place.
  const listed = await client.changes(filter, lines)
  print(listed.filter(({ id }) => id <= last).reverse())
  let away = false
  while (follow && !signal.aborted) {
    try {
      for await (const change of client.watchChanges(last, signal)) {
        if (away) process.stderr.write('It is over.\n')
        away = false
        if (!change || change.id <= last) continue
        const between = `id > ${last} AND id <= ${change.id} AND (${filter})`
        print(filter ? (await client.changes(between, 1000)).reverse() : [change])
        last = change.id
      }
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      if (!away) process.stderr.write(`${error.message}\nGoing on when that is over.\n`)
      away = true
    }
    await delay(500, undefined, { signal }).catch(() => {})
  }
  return 0
}

const kinds = {
  ca: { kind: SecretKind.SECRET_KIND_AUTHORITY, what: 'authority of certificates' },
  keys: { kind: SecretKind.SECRET_KIND_SIGNING_KEY, what: 'signing key of tokens' },
}

/** Begins to replace an authority or a signing key, and says what follows by itself. */
export async function rotate(
  client: ConsoleClient,
  name: keyof typeof kinds,
  json: boolean,
  show: Show,
): Promise<number> {
  const { kind, what } = kinds[name]
  const { successor, signTime, retireTime } = await client.rotate(kind)
  const text = [
    `${styleText('green', '●')} The next ${what} is published: ${printable(successor)}.`,
    `It signs from ${signTime?.toISOString()} on, when everybody has it.`,
    `The one before it is believed until ${retireTime?.toISOString()}, when nothing that it has signed is valid any more.`,
  ].join(' ')
  show(json ? JSON.stringify({ rotating: name, successor, signTime, retireTime }) : wrap(text, terminalWidth()))
  return 0
}

export async function verifyChanges(client: ConsoleClient, json: boolean, show: Show): Promise<number> {
  const proof = await client.verify()
  const { valid, count, brokenChange, reason, head } = proof
  const good = `${styleText('green', '● whole')}  All ${count} changes carry the right hash, and the present state follows from them. The last hash is ${head}`
  const bad = `${styleText('red', '✕ broken')}  ${brokenChange ? `Change ${brokenChange}: ` : ''}${printable(reason)} (${count} changes were looked at.)`
  show(json ? JSON.stringify(proof) : wrap(valid ? good : bad, terminalWidth()))
  return valid ? 0 : 1
}
