import type { DescMethod } from '@bufbuild/protobuf'
import { useTranslation } from 'react-i18next'
import type { CopyKind } from '../api/copy-call.ts'
import { isPublic } from '../api/policy.ts'
import { copyText } from './clipboard.ts'
import { toastDone, toastProblem } from './toasts.tsx'

export const copyKindNames: Record<CopyKind, string> = { curl: 'curl', grpcurl: 'grpcurl', typescript: 'TypeScript' }

/** @returns a function that puts a call on the clipboard, and says so. */
export function useCopyCall() {
  const { t } = useTranslation()
  return async (method: DescMethod, kind: CopyKind, text: string) => {
    try {
      await copyText(text)
      const isOpen = isPublic(method) || kind === 'typescript'
      await toastDone(t(isOpen ? 'copyCall.done' : 'copyCall.doneToken', { name: copyKindNames[kind] }))
    } catch (error) {
      await toastProblem(error)
    }
  }
}
