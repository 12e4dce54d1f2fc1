/** Waiting for a condition ends by itself when it comes, so a busy machine gets more time than vitest's one second. */
import { vi } from 'vitest'

const waitFor = vi.waitFor
vi.waitFor = (callback, options = 15_000) => waitFor(callback, options)
