/** For tests: ports for servers that are started with a port, or again on the same one. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that systems hand out by themselves: whoever asks for any port is never given one of these. */
const [lowest, highest] = [26_000, 32_000]

/** @returns a port that is free now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      return port
    } catch {
      // Taken: another.
    } finally {
      await new Promise(resolve => server.close(resolve))
    }
  }
}
