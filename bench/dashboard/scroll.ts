/** Scrolls the list of users in a real Chromium and watches every frame. */
import type { Browser, CDPSession, Page } from 'playwright-core'

export interface Flight {
  name: string
  /** Rows from the first to the last that was seen. */
  rows: number
  seconds: number
  framesPerSecond: number
  /** Time between frames, ms. */
  p95: number
  p99: number
  longest: number
  /** Share of frames whose middle row was not there yet. */
  waiting: number
  /** CPU time of the page's main thread, ms a frame: what is left of it when others use the machine as well. */
  cpu: number
  heapMiB: number
  nodes: number
}

export interface ScrollReport {
  flights: Flight[]
  heapAtStartMiB: number
  requests: number
}

interface Frames {
  times: number[]
  waiting: number
  row: number
}

/** How far one goes in a frame of a sixtieth second, px. A row has 53. */
const speeds = { read: 60, wheel: 400, fling: 4_000 } as const

export async function measureScroll(
  browser: Browser,
  base: string,
  admin: { email: string; password: string },
  users: number,
): Promise<ScrollReport> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  let requests = 0
  page.on('request', request => {
    if (request.url().endsWith('/ListUsers')) requests += 1
  })
  try {
    await page.goto(`${base}/users`)
    await page.locator('input[type=email]').fill(admin.email)
    await page.locator('input[type=password]').fill(admin.password)
    await page.keyboard.press('Enter')
    await page.locator('tr[data-row="5"] a').waitFor({ timeout: 30_000 })
    const cdp = await context.newCDPSession(page)
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
    const { heapMiB: heapAtStartMiB } = await use(cdp)
    const flight = (name: string, step: number, until: number, limitMs = 120_000) =>
      fly(page, cdp, name, step, until, limitMs)
    const flights = [
      await flight('reading, 3,600 px/s', speeds.read, users, 8_000),
      await flight('wheel, 24,000 px/s', speeds.wheel, users, 8_000),
      await flight('fling to the end, pages loading', speeds.fling, users),
      await flight('fling back, pages dropped meanwhile', -speeds.fling, 0),
      await flight('fling down again', speeds.fling, users),
      await flight('wheel back', -speeds.wheel, 0, 8_000),
    ]
    return { flights, heapAtStartMiB, requests }
  } finally {
    await context.close()
  }
}

async function cpuSeconds(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0
}

async function use(cdp: CDPSession) {
  await cdp.send('HeapProfiler.collectGarbage')
  const { metrics } = await cdp.send('Performance.getMetrics')
  const value = (name: string) => metrics.find(metric => metric.name === name)?.value ?? 0
  return { heapMiB: value('JSHeapUsedSize') / 2 ** 20, nodes: value('Nodes') }
}

/** Goes on until the row, or an end, or the limit is reached. */
async function fly(
  page: Page,
  cdp: CDPSession,
  name: string,
  step: number,
  until: number,
  limitMs: number,
): Promise<Flight> {
  const from = await page.evaluate(() => Number(document.querySelector('tbody tr')?.getAttribute('data-row')))
  const cpuBefore = await cpuSeconds(cdp)
  const { times, waiting, row } = await page.evaluate(watchFrames, { step, until, limitMs })
  const cpu = ((await cpuSeconds(cdp)) - cpuBefore) * 1000
  const intervals = times
    .slice(1)
    .map((time, place) => time - (times[place] ?? 0))
    .sort((a, b) => a - b)
  const at = (share: number) => intervals[Math.min(intervals.length - 1, Math.floor(intervals.length * share))] ?? 0
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000
  return {
    name,
    rows: Math.abs(row - from),
    seconds,
    framesPerSecond: intervals.length / seconds,
    p95: at(0.95),
    p99: at(0.99),
    longest: at(1),
    waiting: waiting / Math.max(times.length, 1),
    cpu: cpu / Math.max(times.length, 1),
    ...(await use(cdp)),
  }
}

/** Runs in the page. */
function watchFrames({ step, until, limitMs }: { step: number; until: number; limitMs: number }): Promise<Frames> {
  const pane = document.querySelector('table[role=grid]')?.parentElement
  if (!pane) throw new Error('The list is not there.')
  const begin = performance.now()
  const frames: Frames = { times: [], waiting: 0, row: 0 }
  const height = 53
  return new Promise(resolve => {
    const frame = (time: number) => {
      frames.times.push(time)
      const row = Math.floor((pane.scrollTop + pane.clientHeight / 2) / height)
      frames.row = row
      if (!pane.querySelector(`tr[data-row="${row}"] a`)) frames.waiting += 1
      const last = Number(pane.querySelector('table')?.getAttribute('aria-rowcount')) - 1
      const bottom = pane.scrollHeight - pane.clientHeight - 1
      const ended = step < 0 ? pane.scrollTop <= 0 : pane.scrollTop >= bottom && last >= until
      if (ended || time - begin > limitMs) return resolve(frames)
      pane.scrollTop += step
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
}
