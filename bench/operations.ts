/** What is measured. */

export type Operation = 'read' | 'list' | 'create' | 'grpc-read'

export const operations: Record<Operation, string> = {
  read: 'REST read by id',
  list: 'REST list of 20',
  create: 'REST create',
  'grpc-read': 'gRPC read by id',
}

/** How the e-mail addresses of created users begin, by which they are found again and removed. */
export const createdPrefix = 'bench-'
