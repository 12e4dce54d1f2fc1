/** What is wrong with a request, in the language of the page. */
import type { TFunction } from 'i18next'
import type { Issue } from './draft.ts'

/** Rules without words here say what the contract says: in English. */
export function issueWords({ expected, rule }: Issue, t: TFunction): string {
  if (expected) {
    switch (expected.kind) {
      case 'type':
        return t('explorer.issue.type', { type: expected.type })
      case 'unknown':
        return t('explorer.issue.unknown')
      case 'oneof':
        return t('explorer.issue.oneof', { names: expected.names.join(', ') })
    }
  }
  if (!rule) return ''
  const { id, message, limit } = rule
  const name = id.slice(id.lastIndexOf('.') + 1)
  const count = Number(limit)
  if (name === 'required' || id === 'string.email_empty' || id === 'string.uuid_empty') return t('field.required')
  if (id === 'string.email') return t('field.email')
  if (id === 'string.uuid') return t('explorer.issue.uuid')
  if (id === 'string.pattern') return t('field.pattern')
  if (id === 'string.min_len' && count === 1) return t('field.required')
  if (id === 'string.min_len') return t('field.minLength', { count })
  if (id === 'string.max_len') return t('field.maxLength', { count })
  if (id === 'repeated.min_items') return t('explorer.issue.minItems', { count })
  if (id === 'repeated.max_items') return t('explorer.issue.maxItems', { count })
  if (id === 'repeated.unique') return t('explorer.issue.unique')
  if (id === 'enum.not_in' || id === 'enum.defined_only') return t('explorer.issue.choose')
  if (id === 'timestamp.gt_now') return t('field.future')
  return message
}
