import type { Registry } from '@bufbuild/protobuf'
import { createContext, useContext } from 'react'

interface FormContext {
  registry: Registry
  /** What is wrong, in words, by the path of the field. */
  errors: ReadonlyMap<string, string>
}

export const FormContext = createContext<FormContext | undefined>(undefined)

export function useRequestForm(): FormContext {
  const context = useContext(FormContext)
  if (!context) throw new Error('A field of a request stands within a FormContext.')
  return context
}

/** Of the input that edits a field. */
export const inputId = (path: string) => `field-${encodeURIComponent(path)}`
