/** @returns ms on the clock that all processes of this machine share; it says nothing of the time of day. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
