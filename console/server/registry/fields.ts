/**
 * The registry as the journal has it: flat fields by subject. What comes and goes with a stream or a heartbeat is not among them.
 *
 * `instances/<name>` what it said of itself, `registerTime`, `draining`, `drainTime`, `health...`; of the name `drained...` and
 * `removedStarts`, which stay when the instance goes. `services/<name>` its contracts and `traffic`.
 */
import type { Fields } from '../journal/journal.ts'
import {
  type Drain,
  defaultApiVersion,
  type Health,
  type Instance,
  type KnownService,
  type Mark,
  type State,
} from './model.ts'
import { parseWeights, weightsText } from './traffic.ts'

export const instanceSubject = (name: string) => `instances/${name}`
export const serviceSubject = (name: string) => `services/${name}`

/** @returns the fields of a name; undefined when there is nothing to say of it. */
export function instanceFields(state: State, name: string): Fields | undefined {
  const instance = state.instances.get(name)
  const mark = state.marks.get(name)
  if (!instance && !mark) return undefined
  return { ...(instance && ownFields(instance)), ...(mark && markFields(mark)) }
}

function ownFields(instance: Instance): Fields {
  const { service, version, apiVersion, address, ip, port, zone, startTime, contractHash } = instance
  const { registerTime, draining, drainTime, health } = instance
  return {
    service,
    version,
    apiVersion: apiVersion === defaultApiVersion ? undefined : apiVersion,
    address,
    ip,
    port,
    zone,
    startTime,
    contractHash,
    registerTime,
    draining,
    drainTime,
    health: health.status,
    healthSince: health.since,
    healthReason: health.reason,
  }
}

const markFields = ({ drained, removedStartsMs }: Mark): Fields => ({
  ...(drained && { drainedBy: drained.by, drainedReason: drained.reason, drainedTime: drained.time }),
  ...(removedStartsMs.length > 0 && { removedStarts: removedStartsMs.join() }),
})

/** @returns the fields of a service; undefined when it is not known. */
export function serviceFields(state: State, name: string): Fields | undefined {
  const known = state.services.get(name)
  if (!known) return undefined
  const { contractHash, contractTime, acceptedHash, refused, traffic } = known
  return {
    contractHash,
    contractTime,
    acceptedHash,
    refusedHash: refused?.contractHash,
    refusedReason: refused?.reason,
    traffic: traffic && weightsText(traffic),
  }
}

/** @returns the fields of all subjects of the registry. */
export function fieldsOf(state: State): Map<string, Fields> {
  const names = new Set([...state.instances.keys(), ...state.marks.keys()])
  return new Map([
    ...[...names].map(name => [instanceSubject(name), instanceFields(state, name) ?? {}] as const),
    ...[...state.services.keys()].map(name => [serviceSubject(name), serviceFields(state, name) ?? {}] as const),
  ])
}

/**
 * @param subjects as the journal has them; what is no subject of the registry is passed over.
 * @returns the state that a Console starts from: every lease and every wait begins anew.
 */
export function stateFrom(subjects: ReadonlyMap<string, Fields>, nowMs: number): State {
  const instances = new Map<string, Instance>()
  const services = new Map<string, KnownService>()
  const marks = new Map<string, Mark>()
  for (const [subject, fields] of subjects) {
    const [, kind, name = ''] = /^(instances|services)\/(.+)$/.exec(subject) ?? []
    if (kind === 'services') services.set(name, knownFrom(fields, nowMs))
    if (kind === 'instances') {
      const mark = markFrom(fields)
      if (mark) marks.set(name, mark)
      if (fields.service !== undefined) instances.set(name, instanceFrom(name, fields, mark?.drained, nowMs))
    }
  }
  for (const { service } of instances.values()) {
    const known = services.get(service)
    if (known) services.set(service, { ...known, emptySinceMs: undefined })
  }
  return { instances, services, marks, tickMs: nowMs }
}

function instanceFrom(name: string, fields: Fields, drained: Drain | undefined, nowMs: number): Instance {
  return {
    service: text(fields.service),
    instance: name,
    version: text(fields.version),
    apiVersion: fields.apiVersion === undefined ? defaultApiVersion : text(fields.apiVersion),
    address: text(fields.address),
    ip: text(fields.ip),
    port: Number(fields.port),
    zone: text(fields.zone),
    startTime: time(fields.startTime),
    contractHash: text(fields.contractHash),
    stream: undefined,
    seenMs: nowMs,
    registerTime: time(fields.registerTime),
    draining: fields.draining === true,
    drainTime: fields.drainTime === undefined ? undefined : time(fields.drainTime),
    drained,
    clockOffsetMs: 0,
    health: { status: statusFrom(fields.health), since: time(fields.healthSince), reason: text(fields.healthReason) },
    healthChangesMs: [],
    dependencies: [],
    calls: [],
  }
}

function knownFrom(fields: Fields, nowMs: number): KnownService {
  const { acceptedHash, refusedHash } = fields
  return {
    contractHash: text(fields.contractHash),
    contractTime: time(fields.contractTime),
    acceptedHash: acceptedHash === undefined ? undefined : text(acceptedHash),
    refused:
      refusedHash === undefined ? undefined : { contractHash: text(refusedHash), reason: text(fields.refusedReason) },
    ...(fields.traffic !== undefined && { traffic: parseWeights(text(fields.traffic)) }),
    emptySinceMs: nowMs,
  }
}

function markFrom({ drainedBy, drainedReason, drainedTime, removedStarts }: Fields): Mark | undefined {
  if (drainedBy === undefined && removedStarts === undefined) return undefined
  return {
    drained:
      drainedBy === undefined
        ? undefined
        : { by: text(drainedBy), reason: text(drainedReason), time: time(drainedTime) },
    removedStartsMs: removedStarts === undefined ? [] : text(removedStarts).split(',').map(Number),
  }
}

const text = (value: Fields[string]) => (value === undefined ? '' : String(value))
const time = (value: Fields[string]) => (value instanceof Date ? value : new Date(0))
const statusFrom = (value: Fields[string]): Health['status'] =>
  value === 'healthy' || value === 'failing' ? value : 'unknown'
