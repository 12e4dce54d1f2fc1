/** `order_by` of a list (AIP-132): one field, ascending, or descending with ` desc`. */
import { invalidArgument } from '../errors.ts'
import type { Order } from '../store/pages.ts'

/**
 * @param fields the names that may be ordered by, and where each is stored. An index on each, with `_id`, serves the list.
 * @param otherwise the order for an empty text.
 * @throws ServiceError INVALID_ARGUMENT with INVALID_ORDER, naming the fields.
 */
export function parseOrderBy(orderBy: string, fields: Record<string, string>, otherwise: Order): Order {
  const words = orderBy.trim().split(/\s+/)
  const [name = '', direction = 'asc'] = words
  if (name === '') return otherwise
  const path = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (path === undefined || words.length > 2 || (direction !== 'asc' && direction !== 'desc')) {
    const message = `The order is not valid: it is one of ${Object.keys(fields).join(', ')}, with " desc" for the reverse.`
    throw invalidArgument('INVALID_ORDER', message, [{ field: 'order_by', description: message }])
  }
  return { path, direction: direction === 'asc' ? 1 : -1 }
}
