/** The rules of the contract, all of them, checked as the services check them. Large, so loaded when a request is first checked. */
import { type DescMessage, fromJson, type JsonObject, type Registry } from '@bufbuild/protobuf'
import { pathToString, reflect } from '@bufbuild/protobuf/reflect'
import { createValidator, type Violation } from '@bufbuild/protovalidate'
import { FieldRulesSchema } from '@site11/proto/es/buf/validate/validate_pb.ts'
import type { Issue } from './draft.ts'
import { rulesOf } from './field-facts.ts'

/** @returns a function that finds the rules which a request of the right form breaks. */
export function createRulesCheck(registry: Registry): (message: DescMessage, json: JsonObject) => Issue[] {
  const validator = createValidator({ registry })
  return (message, json) => {
    const result = validator.validate(message, fromJson(message, json, { registry }))
    // A rule that cannot be evaluated is left to the server.
    if (result.kind !== 'invalid') return []
    return result.violations.map(violation => ({
      path: pathToString(violation.field) + (violation.forKey ? '#key' : ''),
      rule: { id: violation.ruleId, message: violation.message, limit: limitOf(violation) },
    }))
  }
}

/** The value in the contract that was passed, such as `100` of `max_len: 100`. */
function limitOf({ field, rule }: Violation): string | undefined {
  const last = field.findLast(each => each.kind === 'field')
  const rules = last && rulesOf(last)
  if (!rules) return undefined
  let place = reflect(FieldRulesSchema, rules)
  for (const step of rule) {
    if (step.kind !== 'field') return undefined
    const known = place.desc.fields.find(each => each.name === step.name)
    if (!known || !place.isSet(known)) return undefined
    if (known.fieldKind !== 'message') return known.fieldKind === 'scalar' ? String(place.get(known)) : undefined
    place = place.get(known)
  }
  return undefined
}
