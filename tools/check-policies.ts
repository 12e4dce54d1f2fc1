/** Names every policy and widget in our contracts that contradicts itself, with file and method; one of the checks of `npm run check`. */
import { readFileSync } from 'node:fs'
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ownerOf } from '../console/server/control-plane/descriptors.ts'
import { describeProblem, policyProblems } from '../console/server/control-plane/policy-rules.ts'
import { describeWidgetProblem, widgetProblems } from '../console/server/control-plane/widget-rules.ts'
import { allScopes } from '../console/server/roles.ts'
import { site11Descriptors } from '../proto/descriptors.ts'

const files = [...createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors))).files]
const own = files.filter(file => ownerOf(file.proto) !== '' && file.services.length > 0)
const services = own.flatMap(file => file.services)
const methods = services.flatMap(service => service.methods)
const known = { scopes: allScopes, services: own.map(file => ownerOf(file.proto)) }
const problems = [
  ...policyProblems(methods, known).map(describeProblem),
  ...widgetProblems(services).map(describeWidgetProblem),
]
for (const each of problems) console.error(each)
process.exitCode = problems.length > 0 ? 1 : 0
