/** The contracts of all services that the mesh serves at this moment, as the Console publishes them. */
import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
  type Registry,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError } from '@connectrpc/connect'
import { commentOf } from '@site11/proto/comments'
import { useQuery } from '@tanstack/react-query'
import { restBinding } from '../api/rest-call.ts'

export const descriptorsPath = '/descriptors.binpb'

export interface Contracts {
  registry: Registry
  /** Sorted by name. */
  services: DescService[]
  /** By `package.Service/Method`. */
  methods: Map<string, DescMethod>
}

export const idOf = (method: DescMethod) => `${method.parent.typeName}/${method.name}`

/** @param bytes a serialized FileDescriptorSet. */
export function contractsFrom(bytes: Uint8Array): Contracts {
  const registry: FileRegistry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))
  const services = [...registry]
    .filter(desc => desc.kind === 'service')
    .filter(({ methods }) => methods.length > 0)
    .sort((a, b) => (a.typeName < b.typeName ? -1 : 1))
  const methods = new Map(services.flatMap(service => service.methods.map(method => [idOf(method), method])))
  return { registry, services, methods }
}

/** @returns the services with those of their methods in which every word occurs: in names, REST paths or documentation. */
export function find(services: DescService[], words: string): { service: DescService; methods: DescMethod[] }[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  return services.flatMap(service => {
    const methods = service.methods.filter(method => {
      const { verb = '', path = '' } = restBinding(method) ?? {}
      const text = `${idOf(method)} ${verb} ${path} ${commentOf(method)}`.toLowerCase()
      return wanted.every(word => text.includes(word))
    })
    return methods.length > 0 ? [{ service, methods }] : []
  })
}

async function load(): Promise<Contracts> {
  try {
    const response = await fetch(descriptorsPath)
    if (!response.ok) throw new ConnectError(`HTTP ${response.status}`, Code.Unavailable)
    return contractsFrom(new Uint8Array(await response.arrayBuffer()))
  } catch (error) {
    throw ConnectError.from(error, Code.Unavailable)
  }
}

export const useContracts = () =>
  useQuery({ queryKey: ['descriptors'], queryFn: load, staleTime: 60_000, structuralSharing: false })
