/** For tests of the protocol: snapshots whose resources are names and versions. */
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  type Resource,
  routeType,
  type Snapshot,
} from './snapshot.ts'

/** `{ users: 1 }` is the resource `users` in its first version. */
type Versions = Record<string, number>

function resources(versions: Versions): ReadonlyMap<string, Resource> {
  const entries = Object.entries(versions).map(([name, version]) => ({
    name,
    hash: `${name}@${version}`,
    value: Buffer.of(version),
  }))
  return new Map(entries.map(resource => [resource.name, resource]))
}

export function testSnapshot(
  clusters: Versions,
  endpoints: Versions = clusters,
  routes = 1,
  extensions: Versions = { jwt: 1 },
): Snapshot {
  return {
    [clusterType]: resources(clusters),
    [endpointType]: resources(endpoints),
    [listenerType]: resources({ edge: 1 }),
    [extensionType]: resources(extensions),
    [routeType]: resources({ edge: routes }),
  }
}
