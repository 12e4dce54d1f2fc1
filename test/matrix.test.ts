/**
 * Every method with every kind of credential through every way in: the contract alone says what must come of it, and edge and service
 * must both have come to that.
 */
import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescMethod, fromBinary, getOption } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { site11Descriptors } from '@site11/proto/descriptors'
import { type MethodPolicy, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admin } from './accounts.ts'
import { apiOver } from './api.ts'
import { makeCredentials, type Proof } from './credentials.ts'
import { type Door, edgeDoor, instanceDoor, type Result, restDoor, webDoor } from './doors.ts'

const serviceOf = (method: DescMethod) => method.parent.file.proto.package.split('.')[1] ?? ''
const nameOf = (method: DescMethod) => `${method.parent.name}.${method.name}`

const contracts = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors)))
const all = [...contracts.files]
  .filter(file => file.proto.package.startsWith('site11.'))
  .flatMap(file => file.services)
  .flatMap(service => service.methods)
// A stream of the caller is let in, or not, before its first message: with no message it waits, and says nothing.
const methods = all.filter(({ methodKind }) => methodKind === 'unary' || methodKind === 'server_streaming')

type Decision = 'let in' | 'unauthenticated' | 'denied' | 'absent' | 'no answer'

/** What the contract says. Internal tokens are for services alone: the edge takes them for no token of its own. */
function expected({ access, callers }: MethodPolicy, proof: Proof, edge: boolean): Decision {
  if (edge && access.case === 'internal') return 'absent'
  if (access.case === 'public') return 'let in'
  if (proof.kind === 'forgery') return 'unauthenticated'
  if (proof.kind === 'service') {
    if (edge) return 'unauthenticated'
    return callers.includes('*') || callers.includes(proof.service) ? 'let in' : 'denied'
  }
  if (access.case === 'internal') return 'denied'
  if (proof.kind === 'nothing') return 'unauthenticated'
  return access.case === 'authenticated' || proof.scopes.includes(String(access.value)) ? 'let in' : 'denied'
}

/** Open to all, and then by themselves look at what the caller holds: a refresh token, or the access token of the session that is to end. */
const lookThemselves = ['AuthService.Refresh', 'AuthService.Logout']

/** Reasons that handlers give, which have let the caller in before: a wrong password, a session that is over. */
const ofHandlers = ['BAD_CREDENTIALS', 'SESSION_ENDED', 'SESSION_REPLAYED']

function decisionOf({ code, reason }: Result): Decision {
  if (code === 12) return 'absent'
  if (ofHandlers.includes(reason)) return 'let in'
  if (code === 4 || code === 14) return 'no answer'
  return code === 16 ? 'unauthenticated' : code === 7 ? 'denied' : 'let in'
}

let credentialsFor: Awaited<ReturnType<typeof makeCredentials>>
let doors: Map<string, Door[]>
let proved = 0
beforeAll(async () => {
  credentialsFor = await makeCredentials()
  const { instances } = await apiOver('gRPC', admin).registry.listInstances({})
  const edge = edgeDoor()
  const direct = [...new Set(all.map(serviceOf))].map(name => {
    const { service, instance, address } = instances.find(each => each.service === name) ?? expect.fail(`no ${name}`)
    return [service, instanceDoor(`gRPC at ${instance}`, service, address)] as const
  })
  doors = new Map(direct.map(([service, door]) => [service, [restDoor, edge, webDoor, door]]))
  return () => {
    edge.close()
    for (const [, door] of direct) door.close()
  }
})
afterAll(() => {
  const left = all.filter(method => !methods.includes(method)).map(nameOf)
  process.stdout.write(
    `matrix: ${proved} combinations of ${methods.length} methods, credentials and ways in; not tried, as their callers send streams: ${left.join(', ')}\n`,
  )
})

describe('edge and service decide as the contract says of', () => {
  test.each(methods.map(method => [nameOf(method), method] as const))('%s', async (_, method) => {
    const policy = getOption(method, policyOption)
    const credentials = await credentialsFor(policy.access.case === 'scope' ? policy.access.value : '', policy.callers)
    const ways = doors.get(serviceOf(method)) ?? expect.fail(`no instance of ${serviceOf(method)}`)
    const wrong: string[] = []
    for (const { name, proof, token, edgeIsBlind = false } of credentials) {
      const results = await Promise.all(ways.map(door => door.call(method, token, proof)))
      ways.forEach((door, index) => {
        const result = results[index] ?? expect.fail()
        const wanted = expected(policy, proof, door.edge)
        const decision = decisionOf(result)
        proved += 1
        if (lookThemselves.includes(nameOf(method))) {
          const first = decisionOf(results[0] ?? expect.fail())
          if (decision !== first) wrong.push(`${name}, ${door.name}: ${decision}, and ${first} at ${ways[0]?.name}`)
          return
        }
        const byEdge = door.edge && !(edgeIsBlind && wanted === 'unauthenticated')
        const at = `${name}, ${door.name}`
        if (decision !== wanted) wrong.push(`${at}: ${decision} (${result.code} ${result.reason}), not ${wanted}`)
        // A service that refuses what the edge lets through would hide that it does.
        else if (wanted !== 'let in' && result.byService === byEdge) wrong.push(`${at}: refused by the other one`)
      })
    }
    expect(wrong).toEqual([])
  })
})

test('the matrix leaves out what it says, and nothing else', () => {
  expect(all.filter(method => !methods.includes(method)).map(nameOf)).toEqual(['RegistryService.Attach'])
})
