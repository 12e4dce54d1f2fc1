/** What waits to be sent on one stream: of each kind of message only the latest, as the earlier ones say nothing any more. */

export interface Outbox<Kind, Message> extends AsyncIterable<Message> {
  put(kind: Kind, message: Message): void
  /** Ends the stream when all is sent; with an error, at once. */
  end(error?: unknown): void
}

export function createOutbox<Kind, Message>(): Outbox<Kind, Message> {
  const waiting = new Map<Kind, Message>()
  let ended: { error?: unknown } | undefined
  let wake = () => {}
  return {
    put(kind, message) {
      if (ended) return
      waiting.set(kind, message)
      wake()
    },
    end(error) {
      ended ??= { error }
      wake()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (ended?.error !== undefined) throw ended.error
        const [next] = waiting
        if (next) {
          waiting.delete(next[0])
          yield next[1]
        } else if (ended) return
        else {
          await new Promise<void>(resolve => {
            wake = resolve
          })
        }
      }
    },
  }
}
