import { expect, test, vi } from 'vitest'
import { createProgress, type Progress } from './progress.ts'

type Acks = Parameters<typeof createProgress>[0]['waitForAcks']
const silent = { taken: false, waiting: [{ nodeId: 'envoy-1' }] } as unknown as Awaited<ReturnType<Acks>>
const all = { taken: true, waiting: [] }
const subject = 'instances/users-1'

/** Answers by one after another; the last one serves all that follow. */
function store(...answers: (Awaited<ReturnType<Acks>> | Error)[]) {
  const asked: bigint[] = []
  const phases: Progress['phase'][] = []
  const progress = createProgress({
    shownMs: 20,
    pauseMs: 1,
    patience: 2,
    waitForAcks: async change => {
      asked.push(change)
      const answer = answers[Math.min(asked.length, answers.length) - 1]
      if (answer instanceof Error) throw answer
      // Asking takes a while.
      await new Promise(resolve => setTimeout(resolve, 1))
      return answer ?? all
    },
  })
  const waited = new Set<string>()
  progress.subscribe(() => {
    const { phase, waiting = [] } = progress.get(subject) ?? {}
    for (const { nodeId } of waiting) waited.add(nodeId)
    if (phase && phases.at(-1) !== phase) phases.push(phase)
  })
  return { progress, asked, phases, waited }
}

test('an action is done when every proxy has taken its change, and then goes out of sight', async () => {
  const { progress, asked, phases, waited } = store(silent, silent, all)
  expect(await progress.run(subject, 'drain', async () => 7n)).toBe(true)
  await vi.waitFor(() => expect(phases).toEqual(['sending', 'waiting', 'done']))
  expect([...waited]).toEqual(['envoy-1'])
  expect(asked).toEqual([7n, 7n, 7n])
  await vi.waitFor(() => expect(progress.get(subject)).toBeUndefined())
})

test('one that the Console refuses has failed, stays in sight, and waits for nobody', async () => {
  const { progress, asked } = store()
  const error = new Error('no')
  expect(await progress.run(subject, 'drain', () => Promise.reject(error))).toBe(false)
  expect(progress.get(subject)).toMatchObject({ phase: 'failed', error })
  expect(asked).toEqual([])
  progress.dismiss(subject)
  expect(progress.get(subject)).toBeUndefined()
})

test('a Console that is away for a moment is asked again; one that stays away fails it', async () => {
  const away = new Error('away')
  const short = store(away, away, all)
  await short.progress.run(subject, 'drain', async () => 7n)
  await vi.waitFor(() => expect(short.phases.at(-1)).toBe('done'))
  const long = store(away)
  await long.progress.run(subject, 'drain', async () => 7n)
  await vi.waitFor(() => expect(long.progress.get(subject)).toMatchObject({ phase: 'failed', error: away }))
})

test('what is done next takes the place of what was done before', async () => {
  const { progress } = store(silent)
  await progress.run(subject, 'drain', async () => 7n)
  await progress.run(subject, 'resume', async () => 8n)
  await vi.waitFor(() => expect(progress.get(subject)).toMatchObject({ verb: 'resume', change: 8n }))
})
