/** The report as text for a terminal. */
import type { EdgeReport } from './edge.ts'
import type { Latencies } from './latencies.ts'
import type { ManyReport, Run } from './many.ts'
import type { Restart } from './restart.ts'
import type { Traffic } from './simulation.ts'
import type { Usage } from './usage.ts'

const titleWidth = 34
const columnWidth = 9

const line = (title: string, cells: string[]) =>
  `  ${title.padEnd(titleWidth)}${cells.map(cell => cell.padStart(columnWidth)).join('')}`
const heading = (title: string) => line(title, ['count', 'p50 ms', 'p95', 'p99', 'max'])
const latencies = (title: string, { count, p50, p95, p99, max }: Latencies) =>
  line(title, [String(count), ...[p50, p95, p99, max].map(ms => ms.toFixed(1))])
const percent = (share: number) => `${(share * 100).toFixed(0)} %`

export function renderEdge({ registration, leaving, drained, late, requests }: EdgeReport): string {
  const block = (title: string, measures: Record<string, Latencies>) => [
    heading(title),
    ...Object.entries(measures).map(([name, values]) => latencies(`  ${name}`, values)),
  ]
  return [
    'Through one real Envoy',
    ...block('after the hello', registration),
    ...block('after an instance says that it leaves', leaving),
    ...block("after an operator's call to drain it", drained),
    `  Requests that came after none should: ${late.leaving} when leaving, ${late.drained} when drained.`,
    `  ${requests.sent} requests sent, failed: ${failuresOf(requests.failures)}.`,
  ].join('\n')
}

function failuresOf(failures: Record<string, number>): string {
  const all = Object.entries(failures).map(([what, count]) => `${count} x ${what}`)
  return all.join(', ') || 'none'
}

export function renderMany({ instances, services, proxies, startMiB, ramp, idle, runs, restart }: ManyReport): string {
  return [
    `${instances} instances of ${services} services, ${proxies} proxies: one slow, one that never answers`,
    `  Console at the start: ${startMiB.toFixed(0)} MiB. All attached in ${ramp.seconds.toFixed(1)} s, in force everywhere after ${ramp.untilAllServeSeconds.toFixed(1)} s, with ${percent(ramp.cpuShare)} of a core and up to ${ramp.peakMiB.toFixed(0)} MiB.`,
    ...usage('idle', idle.usage, idle.traffic),
    ...runs.flatMap(renderRun),
    ...(restart ? renderRestart(restart) : []),
  ].join('\n')
}

function usage(title: string, { cpuShare, residentMiB, peakMiB, answers }: Usage, traffic: Traffic): string[] {
  const { heartbeats, peers, responses, responseMiB, journal, late } = traffic
  const rate = (perSecond: number) => perSecond.toFixed(perSecond < 10 ? 1 : 0)
  return [
    `  ${title}: Console ${percent(cpuShare)} of a core, ${residentMiB.toFixed(0)} MiB (peak ${peakMiB.toFixed(0)}); it answers /live in ${answers.p50.toFixed(1)} ms, p99 ${answers.p99.toFixed(0)}, max ${answers.max.toFixed(0)}`,
    `    a second: ${rate(heartbeats)} heartbeats, ${rate(peers)} peer lists, ${rate(responses)} responses to proxies (${responseMiB.toFixed(1)} MiB), ${rate(journal)} journal entries. Simulators late at p99: ${late.instances.toFixed(0)} and ${late.proxies.toFixed(0)} ms`,
  ]
}

function renderRun({ what, usage: used, traffic, changes, prompt, slow, ...run }: Run): string[] {
  return [
    '',
    heading(what),
    ...Object.entries(prompt).map(([kind, values]) => latencies(`  ${kind}`, values)),
    latencies('  all, at the slow proxy', slow),
    ...usage('meanwhile', used, traffic),
    ...(run.flapsSent === undefined
      ? []
      : [`    changes of the flapping half sent to each proxy, a second: ${run.flapsSent.toFixed(1)}`]),
    ...(run.stuckResponses === undefined
      ? []
      : [`    responses to the proxy that never answers, in all: ${run.stuckResponses}`]),
    `    changes not arrived: ${list(changes.lost)}; not made for lack of instances: ${changes.skipped}; differences at the end: ${list(run.differences)}`,
  ]
}

function renderRestart({ seconds, ceased, expired, differences }: Restart): string[] {
  const { answers, attached, agreed } = seconds
  return [
    '',
    `  The Console killed: it answers after ${answers.toFixed(1)} s, all are attached after ${attached.toFixed(1)} s, all agree after ${agreed.toFixed(1)} s`,
    `    instances that proxies ceased to send requests to: ${ceased}; that the registry took for gone: ${expired}; differences at the end: ${list(differences)}`,
  ]
}

function list(texts: string[]): string {
  if (texts.length === 0) return 'none'
  return `${texts.length}, such as ${texts.slice(0, 3).join(' and ')}`
}
