/** How operators spread requests over the versions of a service. Pure. */
import type { GetTrafficResponse } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { failedPrecondition, invalidArgument, notFound } from '@site11/runtime/errors.ts'
import { isServing, type State, type TrafficWeight } from './model.ts'
import { changed, type Outcome, same, withService } from './outcome.ts'

/** Nothing when there is no such service, or it is so already. */
export function setTraffic(
  state: State,
  { service: name, weights }: { service: string; weights: readonly TrafficWeight[] },
): Outcome {
  const known = state.services.get(name)
  if (!known || weightsText(known.traffic ?? []) === weightsText(weights)) return same(state)
  const traffic = weights.length > 0 ? parseWeights(weightsText(weights)) : undefined
  return changed(withService(state, name, { ...known, traffic }))
}

/** @throws ServiceError when these weights make no sense for this service. */
export function requireTraffic(state: State, service: string, weights: readonly TrafficWeight[]): void {
  const found = trafficOf(state, service)
  if (!found) throw notFound('service', service)
  if (weights.length === 0) return
  const invalid = (description: string) =>
    invalidArgument('INVALID_FIELD', description, [{ field: 'weights', description }])
  const named = weights.map(({ version }) => version)
  if (new Set(named).size < named.length) throw invalid('Each version has one weight.')
  const sum = weights.reduce((total, { percent }) => total + percent, 0)
  if (sum !== 100) throw invalid(`The weights are 100 percent together, not ${sum}.`)
  const versions = found.versions.map(({ version }) => version)
  const absent = named.filter(version => !versions.includes(version))
  if (absent.length > 0) {
    const there = versions.length > 0 ? `of ${versions.join(', ')}` : 'at all'
    throw failedPrecondition(
      'WRONG_STATE',
      `${service} has no instance of ${absent.join(', ')}. It has instances ${there}.`,
    )
  }
}

/** @returns the weights of a service and the versions that there are; undefined when it is not known. */
export function trafficOf(state: State, service: string): GetTrafficResponse | undefined {
  const known = state.services.get(service)
  if (!known) return undefined
  const own = [...state.instances.values()].filter(each => each.service === service)
  const versions = [...Map.groupBy(own, ({ version }) => version)].map(([version, instances]) => ({
    version,
    apiVersions: [...new Set(instances.map(({ apiVersion }) => apiVersion))].sort(byNumber),
    instances: instances.length,
    serving: instances.filter(isServing).length,
  }))
  return { weights: [...(known.traffic ?? [])], versions: versions.sort((a, b) => byNumber(a.version, b.version)) }
}

/** @returns such as `0.1.0=90 0.2.0=10`. No version has a space or an equals sign. */
export function weightsText(weights: readonly TrafficWeight[]): string {
  const sorted = weights.toSorted((a, b) => byNumber(a.version, b.version))
  return sorted.map(({ version, percent }) => `${version}=${percent}`).join(' ')
}

/** Reads what `weightsText` wrote. */
export function parseWeights(text: string): TrafficWeight[] {
  return text.split(' ').map(part => {
    const [version = '', percent] = part.split('=')
    return { version, percent: Number(percent) }
  })
}

const byNumber = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })
