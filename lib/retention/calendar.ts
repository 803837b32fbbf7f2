const dayMs = 86_400_000

/** A moment so many days later. */
export function daysAfter(time: Date, days: number): Date {
  return new Date(time.getTime() + days * dayMs)
}

/** The same day so many years later (UTC). */
export function yearsAfter(time: Date, years: number): Date {
  const then = new Date(time)
  then.setUTCFullYear(time.getUTCFullYear() + years)
  return then
}

/** Whether a time is so many days ago, or longer. */
export function isDaysAgo(time: Date, days: number, now: Date): boolean {
  return time.getTime() + days * dayMs <= now.getTime()
}

/** The calendar month of a time (UTC), counted from year 0. */
export function monthOf(time: Date): number {
  return time.getUTCFullYear() * 12 + time.getUTCMonth()
}

/** The calendar quarter of a time (UTC), counted from year 0. */
export function quarterOf(time: Date): number {
  return Math.floor(monthOf(time) / 3)
}

/** When a month begins. */
export function monthStart(month: number): Date {
  return new Date(Date.UTC(Math.floor(month / 12), month % 12, 1))
}

/** When a quarter begins. */
export function quarterStart(quarter: number): Date {
  return monthStart(quarter * 3)
}

/** `1 day`, `30 days`. */
export function inDays(count: number): string {
  return `${count} ${count === 1 ? 'day' : 'days'}`
}
