/** Forms over messages of the contract: its rules are checked before sending, the server's violations stand at their fields. */
import type { DescMessage } from '@bufbuild/protobuf'
import { useForm } from '@mantine/form'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { type Breach, breachOf, rulesOf } from '../api/rules.ts'
import { wordsFor } from './problem.tsx'

/** Text fields by the names of the contract, such as `{user: {email: ''}}`. */
export interface Fields {
  [name: string]: string | Fields
}

/**
 * @param message the request that the form makes.
 * @param fieldOf where an error that names no field belongs, by its reason.
 * @returns Mantine's form, what failed apart from fields, and a function that makes an onSubmit handler of a call.
 */
export function useContractForm<F extends Fields>(
  message: DescMessage,
  initialValues: F,
  fieldOf: Record<string, string> = {},
) {
  const { t, i18n } = useTranslation()
  const [failure, setFailure] = useState<unknown>()
  const [sending, setSending] = useState(false)
  const paths = pathsOf(initialValues)
  const form = useForm<F>({
    initialValues,
    validate: values => {
      const errors: Record<string, string> = {}
      for (const [path, value] of pathsOf(values)) {
        const breach = breachOf(rulesOf(message, path), value)
        if (breach) errors[path] = breachText(breach, t)
      }
      return errors
    },
  })

  function show(error: unknown) {
    const problem = problemFrom(error)
    const words = wordsFor(problem, i18n)
    const errors: Record<string, string> = {}
    const [single] = problem.reason && fieldOf[problem.reason] ? [fieldOf[problem.reason]] : []
    if (single) errors[single] = words.what
    for (const { field, description } of problem.violations) {
      // A reason of its own says more, and in the language of the page, than the server's description.
      if (paths.has(field)) errors[field] ??= problem.reason === 'INVALID_FIELD' ? description : `${words.what}.`
    }
    form.setErrors(errors)
    const atFields = problem.violations.every(({ field }) => paths.has(field)) && Object.keys(errors).length > 0
    setFailure(atFields ? undefined : error)
  }

  /** The values stay in the form when the call fails. */
  const submit = (call: (values: F) => Promise<unknown>) =>
    form.onSubmit(async values => {
      setSending(true)
      setFailure(undefined)
      try {
        await call(values)
      } catch (error) {
        show(error)
      } finally {
        setSending(false)
      }
    })

  return { form, failure, sending, submit }
}

function breachText(breach: Breach, t: TFunction): string {
  switch (breach.rule) {
    case 'minLength':
      return t('field.minLength', { count: breach.limit })
    case 'maxLength':
      return t('field.maxLength', { count: breach.limit })
    default:
      return t(`field.${breach.rule}`)
  }
}

/** `{user: {email: 'a'}}` -> `user.email: a`. */
function pathsOf(fields: Fields, prefix = ''): Map<string, string> {
  const entries = Object.entries(fields).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + name, value]] : [...pathsOf(value, `${prefix}${name}.`)],
  )
  return new Map(entries)
}
