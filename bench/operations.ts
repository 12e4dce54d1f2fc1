/** What is measured, in this order: creates last, because of what they leave behind in the store. */

export type Operation = 'read' | 'list' | 'create' | 'grpc-read'

export const operations: Record<Operation, string> = {
  read: 'REST read by id',
  'grpc-read': 'gRPC read by id',
  list: 'REST list of 20',
  create: 'REST create',
}

/** How the e-mail addresses of created users begin, by which they are found again and removed. */
export const createdPrefix = 'bench-'
