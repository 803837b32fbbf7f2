import { isDay } from '../lib/names/day.ts'
import { UsageError } from './usage.ts'

const shape =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(\.\d{1,3})?)?)? ?(Z|UTC|[+-]\d\d:?\d\d)?$/i

/**
 * Reads a time as people write it and as the tools show it: `2026-06-15`, `2026-06-15 12:00`, `2026-06-15 10:22:31 UTC`. Without
 * a zone it is UTC. Times are shown to the second, so a second stands for all of it.
 */
export function parseMoment(flag: string, text: string, help: string): Date {
  const [, day = '', minutes = '00:00', seconds, fraction, zone = 'Z'] =
    shape.exec(text.trim()) ?? []
  const ending = seconds === undefined ? ':00.000' : `:${seconds}${fraction ?? '.999'}`
  const offset = /^(Z|UTC)$/i.test(zone) ? 'Z' : zone
  const time = new Date(`${day}T${minutes}${ending}${offset}`)
  if (isDay(day.replaceAll('-', '')) && !Number.isNaN(time.getTime())) return time
  throw new UsageError(`${flag} "${text}" is no time: write it as 2026-06-15T12:00 (UTC)`, help)
}
