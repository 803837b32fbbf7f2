type Count = number | bigint

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** `4.1 MB`: three digits at most, in powers of 1000. */
export function bytes(count: Count): string {
  let value = Number(count)
  for (const unit of units) {
    const digits = unit === 'B' || value >= 99.95 ? 0 : 1
    if (value < 999.5 || unit === 'PB') return `${value.toFixed(digits)} ${unit}`
    value /= 1000
  }
  return ''
}

/** `12 s`, `2 min 05 s`, `1 h 03 min`. */
export function duration(ms: Count): string {
  const seconds = Number(ms) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
}

function two(count: number): string {
  return String(count).padStart(2, '0')
}

/** For scripts: seconds, to the millisecond. */
export function seconds(ms: number): number {
  return Math.round(ms) / 1000
}

/** How fast: bytes in some milliseconds. */
export function rate(count: Count, ms: Count): string {
  return Number(ms) > 0 ? `${bytes((Number(count) * 1000) / Number(ms))}/s` : '-'
}

/** `34 %` */
export function share(part: Count, whole: Count): string {
  return Number(whole) > 0 ? `${Math.floor((Number(part) * 100) / Number(whole))} %` : '-'
}

/** `2026-06-15 10:22:31 UTC` */
export function time(date: Date | undefined): string {
  return date === undefined ? '-' : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** `1 image`, `2 images` */
export function counted(count: Count, noun: string): string {
  return Number(count) === 1 ? `1 ${noun}` : `${count} ${noun}s`
}

/** Free text of other people, without what a terminal would obey; `-` where there is none. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it takes out
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim() || '-'
}

/** `2027-01-01 03:00 Europe/Berlin`, to the minute, as schedules are. */
export function zoned(date: Date, timeZone: string): string {
  // Sweden writes dates as the tools do.
  const text = date.toLocaleString('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
  return `${text} ${timeZone}`
}
