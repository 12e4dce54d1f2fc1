/** As a program: records changes without end in the database that its argument names, and prints the id of the last that is stored. */
import { createLog } from '@site11/runtime/log.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { openJournal } from './journal.ts'

export const secretKey = Buffer.alloc(32, 7)

async function write(url: string) {
  const { db } = connectStore({ url, appName: 'test-writer' })
  const journal = await openJournal({ db, secretKey, log: createLog('writer', 'silent') })
  for (let n = 1; ; n++) {
    const recorded = [1, 2, 3].map(each =>
      journal.record({ actor: 'console', action: 'x', subject: `a/${each}`, before: { n: n - 1 }, after: { n } }),
    )
    await journal.saved()
    process.stdout.write(`${recorded.at(-1)}\n`)
  }
}

if (process.argv[1] === import.meta.filename) await write(process.argv[2] ?? '')
