/** For the property test of the protocol: clients that answer whenever the test lets them, and hold the server to its rules. */
import { expect } from 'vitest'
import type { AdsInput, AdsResponse, Variant } from './ads.ts'
import { request } from './ads-fixture.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  type Resource,
  routeType,
  secretType,
  type TypeUrl,
  typeUrls,
} from './snapshot.ts'

/**
 * `envoy` asks for all clusters and listeners, and answers clusters only when they have their endpoints and the secret. `grpc` asks
 * for two listeners by name, for what these refer to, and so on. `atomic`: takes nothing of a response that it refuses.
 */
export type Kind = { client: 'envoy' | 'grpc'; variant: Variant; atomic: boolean }

/** Version 4 of anything is bad. */
export const isBad = (hash: string) => hash.endsWith('@4')

const isWhole = (type: TypeUrl) => type === clusterType || type === listenerType

export class Client {
  readonly inbox: AdsResponse[] = []
  readonly outbox: AdsInput[] = []
  /** Clusters that it refused, or may not have got because of that: routes may name them. */
  readonly excused = new Set<string>()
  private has = new Map<TypeUrl, Map<string, string>>()
  private nonces = new Map<TypeUrl, string>()
  private asked = new Map<TypeUrl, string[]>()
  private refused = new Set<string>()
  private acked = new Set<TypeUrl>()
  /** Envoy: clusters without endpoints, those whose endpoints it refused, and what it has of endpoints for what it asks. */
  private warming = new Set<string>()
  private readonly timedOut = new Set<string>()
  private assignments = new Map<string, string>()
  private held: { error: string | undefined } | undefined
  private readonly kind: Kind

  constructor(kind: Kind) {
    this.kind = kind
    this.connect()
  }

  resources(type: TypeUrl): Map<string, string> {
    const found = this.has.get(type) ?? new Map()
    this.has.set(type, found)
    return found
  }

  /** A new stream: what it has stays, nonces and what was under way do not. */
  connect(): void {
    this.inbox.length = 0
    this.outbox.length = 0
    this.held = undefined
    this.nonces = new Map()
    this.asked = new Map()
    this.refused = new Set()
    this.acked = new Set()
    this.subscribe()
  }

  /** Takes the oldest response. */
  receive(): void {
    const response = this.inbox.shift()
    if (!response) return
    const { typeUrl, nonce, resources, removed } = response
    const bad = this.check(response)
    this.nonces.set(typeUrl, nonce)
    const has = this.resources(typeUrl)
    const isPresent = (name: string) => !this.kind.atomic || resources.some(each => each.name === name)
    if (bad.length === 0 || (!this.kind.atomic && isWhole(typeUrl))) {
      for (const name of removed) has.delete(name)
      if (this.kind.variant === 'sotw' && isWhole(typeUrl)) {
        for (const name of [...has.keys()]) if (!resources.some(each => each.name === name)) has.delete(name)
      }
    }
    if (bad.length === 0) this.take(typeUrl, resources)
    else if (!this.kind.atomic) {
      const until = isWhole(typeUrl) ? resources.length : resources.findIndex(({ hash }) => isBad(hash))
      this.take(
        typeUrl,
        resources.slice(0, until).filter(({ hash }) => !isBad(hash)),
      )
    }
    for (const { name } of bad) {
      if (typeUrl === clusterType) this.excused.add(name)
      if (typeUrl === endpointType && isPresent(name)) this.timedOut.add(name)
    }
    const error = bad.length > 0 ? 'bad' : undefined
    if (error === undefined) this.acked.add(typeUrl)
    else if (typeUrl === clusterType && this.kind.variant === 'sotw' && !this.acked.has(typeUrl)) {
      for (const { name } of resources) this.excused.add(name)
    }
    if (typeUrl === clusterType && this.kind.client === 'envoy') this.held = { error }
    this.subscribe()
    if (typeUrl !== clusterType || this.kind.client !== 'envoy') this.answer(typeUrl, error)
    this.release()
  }

  /** Time passes: Envoy no longer waits for endpoints that it refused. Nothing else may be left to wait for. */
  timeout(): void {
    for (const name of this.timedOut) this.warming.delete(name)
    this.release(true)
    expect(this.held, 'the clusters are never warm').toBe(undefined)
  }

  private check({ typeUrl, resources, removed }: AdsResponse): Resource[] {
    const names = [...resources.map(({ name }) => name), ...removed]
    expect(new Set(names).size, 'a name twice in a response').toBe(names.length)
    if (this.kind.client === 'envoy') expect(names.filter(name => name.startsWith('grpc/'))).toEqual([])
    if (this.kind.variant === 'sotw') expect(removed).toEqual([])
    const content = [typeUrl, ...resources.map(({ hash }) => hash).sort(), ...removed.sort()].join()
    expect(this.refused.has(content), `refused, and sent again: ${content}`).toBe(false)
    const splits = this.kind.variant === 'delta' || !isWhole(typeUrl)
    for (const { hash } of splits ? resources : []) {
      expect(this.refused.has(`${typeUrl},${hash}`), `refused alone, and sent again: ${hash}`).toBe(false)
    }
    const bad = resources.filter(({ hash }) => isBad(hash))
    if (bad.length > 0) this.refused.add(content)
    // Sent once more, Envoy would take these as accepted.
    if (typeUrl === extensionType || typeUrl === secretType)
      for (const { hash } of bad) this.refused.add(`${typeUrl},${hash}`)
    return bad
  }

  private take(type: TypeUrl, resources: readonly Resource[]): void {
    const wanted = this.wanted(type)
    const has = this.resources(type)
    for (const { name, hash } of resources) {
      if (wanted && !wanted.includes(name)) continue
      if (type === clusterType && this.kind.client === 'envoy' && has.get(name) !== hash) {
        this.warming.add(name)
        this.resources(endpointType).delete(name)
      }
      has.set(name, hash)
      if (type !== endpointType) continue
      this.warming.delete(name)
      this.assignments.set(name, hash)
    }
    if (type === routeType && this.kind.client === 'envoy') {
      expect([...this.warming].filter(name => !this.excused.has(name))).toEqual([])
    }
  }

  /** The names that it wants of a type; undefined where it wants all. */
  private wanted(type: TypeUrl): string[] | undefined {
    const clusters = [...this.resources(clusterType).keys()]
    if (this.kind.client === 'envoy') {
      const names: Partial<Record<TypeUrl, string[]>> = {
        [endpointType]: clusters,
        [extensionType]: ['jwt', 'transcoder'],
        [routeType]: ['edge'],
        [secretType]: ['edge'],
      }
      return names[type]
    }
    const names: Partial<Record<TypeUrl, string[]>> = {
      [listenerType]: ['grpc/a', 'grpc/b'],
      [routeType]: [...this.resources(listenerType).keys()],
      [clusterType]: [...this.resources(routeType).keys()],
      [endpointType]: clusters.map(name => name.replace('grpc/', '')),
    }
    return names[type] ?? []
  }

  /** Asks for what it wants now, where that is not what it asked for, and forgets what it no longer wants. */
  private subscribe(): void {
    const order = [listenerType, routeType, clusterType, endpointType, extensionType, secretType] as const
    for (const type of order) {
      const wanted = this.wanted(type)
      const gone = (name: string) => wanted !== undefined && !wanted.includes(name)
      for (const name of [...this.resources(type).keys()].filter(gone)) this.resources(type).delete(name)
      if (type === endpointType) {
        for (const name of [...this.warming].filter(gone)) this.warming.delete(name)
        for (const name of [...this.assignments.keys()].filter(gone)) this.assignments.delete(name)
      }
      const asked = this.asked.get(type)
      const first = asked === undefined
      if (first && wanted?.length === 0) continue
      if (first || (wanted ?? []).join() !== asked.join()) this.request(type, undefined, first ? 'first' : 'names')
    }
  }

  private answer(type: TypeUrl, error: string | undefined): void {
    this.request(type, error, 'answer')
  }

  private release(secretTimedOut = false): void {
    const hasSecret = this.resources(secretType).has('edge') || secretTimedOut
    if (!this.held || this.warming.size > 0 || !hasSecret) return
    const { error } = this.held
    this.held = undefined
    this.answer(clusterType, error)
  }

  private request(type: TypeUrl, error: string | undefined, reason: 'first' | 'names' | 'answer'): void {
    const names = this.wanted(type) ?? []
    const nonce = this.kind.variant === 'delta' && reason !== 'answer' ? '' : (this.nonces.get(type) ?? '')
    const versions = type === endpointType ? this.assignments : this.resources(type)
    const has = reason === 'first' ? Object.fromEntries(versions) : {}
    const before = this.asked.get(type) ?? []
    this.asked.set(type, names)
    this.outbox.push(request(this.kind.variant, type, names, { before, nodeId: 'edge-1', nonce, error, has }))
  }
}

/** What is in force of each type, by name. */
export function inForce(client: Client): [TypeUrl, Map<string, string>][] {
  return typeUrls.map(type => [type, client.resources(type)])
}
