/** A part of each day, in UTC; it may go over midnight. */
export interface DayWindow {
  /** Minutes after midnight. */
  readonly from: number
  readonly to: number
}

export const windowPattern = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/
export const windowRule = 'must be two different times of a day in UTC: 22:00-06:00'

/** Reads `22:00-06:00`, which matches the pattern. */
export function parseWindow(text: string): DayWindow {
  const [, fromHour, fromMinute, toHour, toMinute] = windowPattern.exec(text) ?? []
  return {
    from: Number(fromHour) * 60 + Number(fromMinute),
    to: Number(toHour) * 60 + Number(toMinute),
  }
}

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** How long until it opens; 0 while it is open. */
export function untilOpenMs({ from, to }: DayWindow, now: Date): number {
  const untilTo = until(to, now)
  return untilTo <= lengthMs({ from, to }) ? 0 : until(from, now)
}

/** How long until it closes, if it is open. */
export function untilCloseMs({ to }: DayWindow, now: Date): number {
  return until(to, now)
}

function lengthMs({ from, to }: DayWindow): number {
  return ((to - from) * minuteMs + dayMs) % dayMs
}

/** How long until it is this time of the day: more than nothing, a day at most. */
function until(minutes: number, now: Date): number {
  const left = (minutes * minuteMs - (now.getTime() % dayMs) + dayMs) % dayMs
  return left === 0 ? dayMs : left
}
