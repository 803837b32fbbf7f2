/** Whether eight digits, YYYYMMDD, are a day of the calendar. */
export function isDay(digits: string): boolean {
  if (!/^[0-9]{8}$/.test(digits)) return false
  const year = Number(digits.slice(0, 4))
  const month = Number(digits.slice(4, 6))
  const day = Number(digits.slice(6))
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

/**
 * Whether six digits, YYYYMM, are a month. Only of this century: `240410` is Ubuntu 24.04.10, and no month of the
 * year 2404.
 */
export function isMonth(digits: string): boolean {
  return /^20[0-9]{2}(0[1-9]|1[0-2])$/.test(digits)
}

/** The day in UTC, as names write it. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10).replaceAll('-', '')
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}
