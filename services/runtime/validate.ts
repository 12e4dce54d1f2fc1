/**
 * Checks requests against the rules in the contract (protovalidate), before a handler sees them.
 */
import { type DescMessage, fromBinary } from '@bufbuild/protobuf'
import { pathToString } from '@bufbuild/protobuf/reflect'
import { createValidator } from '@bufbuild/protovalidate'
import { registry } from './contract.ts'
import { invalidArgument, type ServiceError } from './errors.ts'

const validator = createValidator({ registry })

/** @returns what is wrong with a serialized request, or undefined when nothing is. */
export function violationOf(desc: DescMessage, bytes: Uint8Array): ServiceError | undefined {
  let result: ReturnType<typeof validator.validate>
  try {
    result = validator.validate(desc, fromBinary(desc, bytes))
  } catch {
    return invalidArgument('INVALID_FIELD', `The request is not a valid ${desc.typeName}.`)
  }
  if (result.kind === 'valid') return undefined
  if (result.kind === 'error') throw result.error
  const violations = result.violations.map(violation => ({
    field: pathToString(violation.field),
    description: violation.message,
  }))
  const message = violations
    .map(({ field, description }) => (field ? `${field}: ${description}` : description))
    .join('; ')
  return invalidArgument('INVALID_FIELD', message, violations)
}
