/** What can be done to groups and their dead letters. Each answers when it is done, which may take as long as the contract allows. */
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { createConnectQueryKey } from '@connectrpc/connect-query'
import { EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { queryClient, transport } from '../api/client.ts'

/** ms. */
const patienceMs = 22_000

/** @returns the answer, when what the page shows is on its way, too. @throws what the call threw. */
export async function act<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  try {
    const { message } = await transport.unary(method, undefined, patienceMs, undefined, create(method.input, input))
    return message
  } finally {
    void queryClient.invalidateQueries({
      queryKey: createConnectQueryKey({ schema: EventsService, cardinality: undefined }),
    })
  }
}
