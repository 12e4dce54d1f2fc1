/** What the registry knows: instances, services, and what operators have said of names. */
import type { CallHealth, Dependency } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'

/** How long an instance keeps its place unheard. ms. */
export const leaseMs = 10_000
/** How often instances are asked to be heard. ms. */
export const heartbeatMs = 2000
/** How long a service without any instance is still expected back. ms. */
export const forgottenAfterMs = 24 * 60 * 60_000
/** For how long changes of health are counted. ms. */
export const flapWindowMs = 5 * 60_000

export interface Health {
  status: 'unknown' | 'healthy' | 'failing'
  since: Date
  /** Why it fails; empty otherwise. */
  reason: string
}

/** What an instance says of itself. */
export interface Facts {
  service: string
  instance: string
  version: string
  /** The version of the API that it serves. */
  apiVersion: string
  /** `host:port` of its gRPC server, as it gave it. */
  address: string
  /** The same with the host as an IP address. */
  ip: string
  port: number
  zone: string
  /** By its own clock; `startMsOf` has it by the Console's. */
  startTime: Date
  /** SHA-256 of its contract, in hexadecimal. */
  contractHash: string
}

/** That an operator took an instance out of service. */
export interface Drain {
  by: string
  reason: string
  time: Date
}

export interface Instance extends Facts {
  /** The stream it is attached by; undefined while it is not. */
  stream: number | undefined
  /** When it was heard last; up to a second behind. */
  seenMs: number
  /** Since when the registry has this process. */
  registerTime: Date
  /** Whether it leaves by itself, and since when. */
  draining: boolean
  drainTime: Date | undefined
  /** Holds for the name: a new process of it is drained as well. */
  drained: Drain | undefined
  /** How far its clock is ahead of the Console's. ms. */
  clockOffsetMs: number
  health: Health
  /** When its health changed, in the last minutes. */
  healthChangesMs: readonly number[]
  dependencies: Dependency[]
  /** How its calls to others fare, as it says. */
  calls: CallHealth[]
}

/** Of an instance that does not say. */
export const defaultApiVersion = '1.0'

/** The share of one version, in percent. */
export interface TrafficWeight {
  version: string
  percent: number
}

/** A service that has, or had, an instance. */
export interface KnownService {
  /** The contract of the instance that started last. */
  contractHash: string
  /** When the instance that brought it started. */
  contractTime: Date
  /** The contract that proxies took last. */
  acceptedHash: string | undefined
  /** That a proxy refused the contract. */
  refused: { contractHash: string; reason: string } | undefined
  /** How requests are spread over its versions; undefined when all instances get the same. */
  traffic?: readonly TrafficWeight[] | undefined
  /** Since when it has no instance. */
  emptySinceMs: number | undefined
}

/** What is remembered of a name, whether or not there is an instance of it. */
export interface Mark {
  drained: Drain | undefined
  /** Start times of processes that an operator removed. They are not let in again. ms. */
  removedStartsMs: readonly number[]
}

export interface State {
  instances: ReadonlyMap<string, Instance>
  services: ReadonlyMap<string, KnownService>
  marks: ReadonlyMap<string, Mark>
  /** When time was last told. */
  tickMs: number
}

/** @returns whether new requests are sent to it. */
export const isServing = ({ health, draining, drained }: Instance): boolean =>
  health.status === 'healthy' && !draining && !drained

/** @returns when its process started, by the Console's clock. ms. */
export const startMsOf = ({ startTime, clockOffsetMs }: Pick<Instance, 'startTime' | 'clockOffsetMs'>): number =>
  startTime.getTime() - clockOffsetMs

export const isSameProcess = (a: Facts, b: Facts): boolean =>
  a.ip === b.ip && a.port === b.port && a.startTime.getTime() === b.startTime.getTime()
