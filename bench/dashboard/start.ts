/** How soon sign-in and the overview are there and can be used, each time in a browser that opens the page anew. */
import { loadavg } from 'node:os'
import type { Browser, CDPSession, Page } from 'playwright-core'

export interface Start {
  name: string
  /** Until something is seen, ms from the navigation on; the median of all visits, as all here. */
  firstPaint: number
  /** Until what one came for is there and the main thread is free for it, ms. */
  interactive: number
  /** CPU time of the page's main thread until then, ms: what is left of it when others use the machine as well. */
  cpu: number
  /** Sent over the wire until then, KiB. */
  kib: number
  /** Mean number of processes that ran or waited to, over the last minute. */
  load: number
}

/** @param visits of each page, without and with what the browser keeps of an earlier visit. */
export async function measureStart(
  browser: Browser,
  base: string,
  { email, password }: { email: string; password: string },
  visits: number,
): Promise<Start[]> {
  const signIn = async (page: Page) => {
    await page.goto(`${base}/login`)
    await page.locator('input[type=email]').fill(email)
    await page.locator('input[type=password]').fill(password)
    await page.keyboard.press('Enter')
    await page.locator(overview).first().waitFor()
  }
  return [
    await measure(browser, 'sign-in, first visit', `${base}/login`, 'form button[type=submit]', visits, true),
    await measure(browser, 'sign-in, again', `${base}/login`, 'form button[type=submit]', visits, false),
    await measure(browser, 'overview, first visit', `${base}/`, overview, visits, true, signIn),
    await measure(browser, 'overview, again', `${base}/`, overview, visits, false, signIn),
  ]
}

/** A service with its figures: nothing of it is a skeleton. */
const overview = 'main li a[href^="/services/"]'

async function measure(
  browser: Browser,
  name: string,
  url: string,
  ready: string,
  visits: number,
  cold: boolean,
  prepare?: (page: Page) => Promise<void>,
): Promise<Start> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1440, height: 900 } })
  try {
    const page = await context.newPage()
    await (prepare ? prepare(page) : page.goto(url))
    const cdp = await context.newCDPSession(page)
    await cdp.send('Network.enable')
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
    await cdp.send('Network.setCacheDisabled', { cacheDisabled: cold })
    const seen: Awaited<ReturnType<typeof visitOnce>>[] = []
    for (let visit = 0; visit < visits; visit += 1) seen.push(await visitOnce(page, cdp, url, ready))
    const median = (of: (visit: (typeof seen)[number]) => number) =>
      seen.map(of).toSorted((a, b) => a - b)[Math.floor(visits / 2)] ?? 0
    return {
      name,
      firstPaint: median(each => each.firstPaint),
      interactive: median(each => each.interactive),
      cpu: median(each => each.cpu),
      kib: median(each => each.kib),
      load: loadavg()[0] ?? 0,
    }
  } finally {
    await context.close()
  }
}

async function visitOnce(page: Page, cdp: CDPSession, url: string, ready: string) {
  let bytes = 0
  const count = ({ encodedDataLength }: { encodedDataLength: number }) => {
    bytes += encodedDataLength
  }
  // The same process goes on with the next visit, and so does its clock of CPU time.
  await page.goto('about:blank')
  const before = await cpuSeconds(cdp)
  cdp.on('Network.loadingFinished', count)
  await page.goto(url, { waitUntil: 'commit' })
  await page.locator(ready).first().waitFor()
  const { firstPaint, interactive } = await page.evaluate(whenFree)
  cdp.off('Network.loadingFinished', count)
  return { firstPaint, interactive, cpu: ((await cpuSeconds(cdp)) - before) * 1000, kib: bytes / 1024 }
}

async function cpuSeconds(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0
}

/** Runs in the page: waits for a frame, and for the turn of a task that gives way to all others. */
function whenFree(): Promise<{ firstPaint: number; interactive: number }> {
  return new Promise(resolve => {
    requestAnimationFrame(() =>
      requestIdleCallback(() => {
        const interactive = performance.now()
        // It may be told of later than it was.
        new PerformanceObserver(list => {
          const [paint] = list.getEntriesByName('first-contentful-paint')
          if (paint) resolve({ firstPaint: paint.startTime, interactive })
        }).observe({ type: 'paint', buffered: true })
      }),
    )
  })
}
