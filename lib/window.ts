/** A part of each day, as the clocks of its time zone show it; it may go over midnight. */
export interface DayWindow {
  /** Minutes after midnight. */
  readonly from: number
  readonly to: number
  /** As the tz database names it. */
  readonly zone: string
}

export const windowPattern = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/
export const windowRule = 'must be two different times of a day in UTC: 22:00-06:00'

/** Reads `22:00-06:00`, which matches the pattern. */
export function parseWindow(text: string, zone = 'UTC'): DayWindow {
  const [, fromHour, fromMinute, toHour, toMinute] = windowPattern.exec(text) ?? []
  return {
    from: Number(fromHour) * 60 + Number(fromMinute),
    to: Number(toHour) * 60 + Number(toMinute),
    zone,
  }
}

/** `22:00-06:00`, without the zone. */
export function renderWindow({ from, to }: DayWindow): string {
  return `${renderTime(from)}-${renderTime(to)}`
}

function renderTime(minutes: number): string {
  const two = (count: number): string => String(count).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** How long until it opens; 0 while it is open. */
export function untilOpenMs(window: DayWindow, now: Date): number {
  return isOpen(window, now) ? 0 : untilTurnMs(window, window.from, now)
}

/** How long until it closes, if it is open. */
export function untilCloseMs(window: DayWindow, now: Date): number {
  return untilTurnMs(window, window.to, now)
}

function isOpen({ from, to, zone }: DayWindow, now: Date): boolean {
  return between(from * minuteMs, timeOfDay(zone, now)) < between(from * minuteMs, to * minuteMs)
}

/** How long until clocks show this time of the day, a day at most or nearly; or pass it by, where they are set forward. */
function untilTurnMs({ zone }: DayWindow, minutes: number, now: Date): number {
  const time = minutes * minuteMs
  const shows = (ms: number): number => timeOfDay(zone, new Date(now.getTime() + ms))
  const wait = between(shows(0), time) || dayMs
  const off = between(time, shows(wait))
  if (off === 0) return wait
  // Clocks are set in between, forward or back.
  const corrected = wait - (off > dayMs / 2 ? off - dayMs : off)
  if (corrected > 0 && shows(corrected) === time) return corrected
  let ms = corrected + minuteMs
  while (ms < wait && between(shows(corrected), shows(ms)) === ms - corrected) ms += minuteMs
  return ms
}

/** From one time of the day to the next of another. */
function between(from: number, to: number): number {
  return (to - from + dayMs) % dayMs
}

/** Milliseconds after midnight, as the clocks of the zone show it. */
function timeOfDay(zone: string, now: Date): number {
  if (zone === 'UTC') return now.getTime() % dayMs
  const [hours, minutes] = clockOf(zone).format(now).split(':').map(Number)
  return ((hours ?? 0) * 60 + (minutes ?? 0)) * minuteMs + (now.getTime() % minuteMs)
}

/** Whether clocks of this zone can be told here; a machine with older tables knows fewer. */
export function isZone(zone: string): boolean {
  try {
    clockOf(zone)
    return true
  } catch {
    return false
  }
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** Making one takes a thousand times as long as asking it. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const style = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const clock = clocks.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', { ...style, timeZone })
  clocks.set(timeZone, clock)
  return clock
}
