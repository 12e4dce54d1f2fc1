/** Resource types of xDS as people call them. */
const kinds: Record<string, string> = {
  Cluster: 'clusters',
  ClusterLoadAssignment: 'endpoints',
  Listener: 'listeners',
  RouteConfiguration: 'routes',
  TypedExtensionConfig: 'filters',
  Secret: 'certificates',
}

/** "clusters" for `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
export function kindOf(typeUrl: string): string {
  const name = typeUrl.split('.').at(-1) ?? typeUrl
  return kinds[name] ?? name
}
