/** Names every policy in our contracts that contradicts itself, with file and method; one of the checks of `npm run check`. */
import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ownerOf } from '../console/server/control-plane/descriptors.ts'
import { describeProblem, policyProblems } from '../console/server/control-plane/policy-rules.ts'
import { allScopes } from '../console/server/roles.ts'
import { site11Descriptors } from '../proto/descriptors.ts'

const files = [...createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors))).files]
const own = files.filter(file => ownerOf(file.proto) !== '' && file.services.length > 0)
const methods = own.flatMap(file => file.services).flatMap(service => service.methods)
const problems = policyProblems(methods, { scopes: allScopes, services: own.map(file => ownerOf(file.proto)) })
for (const each of problems) console.error(describeProblem(each))
process.exitCode = problems.length > 0 ? 1 : 0
