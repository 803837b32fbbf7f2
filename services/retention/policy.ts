import { conflict, invalid, missing, type Failure } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import { parsePattern, renderPattern } from '../../lib/names/pattern.ts'
import { demandPolicy, type Policy } from '../../lib/retention/policy.ts'
import type { RetentionPolicy } from '../../proto/gen/merge/image/v1/retention.ts'
import { demandShort } from '../remark.ts'
import { parseSchedule } from '../schedule.ts'

/** A policy as it is kept. */
export interface PolicyRow {
  readonly name: string
  readonly pattern: string
  readonly keepNewest: number
  readonly keepMonthly: number
  readonly keepQuarterly: number
  readonly minimumAgeDays: number
  readonly usedDays: number
  readonly archiveAfterDays: number
  readonly expireAfterDays: number
  readonly capBytes: bigint
  readonly archiveHeld: boolean
  readonly cron: string
  readonly zone: string
  readonly brakePercent: number
  readonly notes: string
  readonly author: string
  readonly updateTime: Date
  readonly version: number
  readonly nextTime: Date | null
}

/** What a person writes of it. */
export type Written = Omit<PolicyRow, 'author' | 'updateTime' | 'version' | 'nextTime'>

const usualBrake = 20

/** Reads a policy as it was sent, or throws what is wrong with it. */
export function parsePolicy(given: RetentionPolicy | undefined): Written {
  if (given === undefined) throw wrong('policy', 'policy is what is to be kept: give one.')
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(given.name)) {
    const text = `"${shown(given.name)}" is no name of a policy: write at most 63 small letters, digits and dashes, a letter first.`
    throw invalid('INVALID_NAME', text)
  }
  demandShort({ notes: given.notes })
  const { timeZone: _, ...rest } = given
  const schedule = parseSchedule(given)
  const brakePercent = given.brakePercent === 0 ? usualBrake : given.brakePercent
  if (brakePercent > 100) throw wrong('brake_percent', 'brake_percent is 1 to 100; 0 means 20.')
  const written = { ...rest, ...schedule, brakePercent, pattern: patternOf(given.pattern) }
  demandPolicy(toPolicy(written))
  return written
}

function patternOf(text: string): string {
  return renderPattern(parsePattern(text))
}

function wrong(field: string, text: string): Failure {
  return invalid('INVALID_FIELD', text, { field })
}

/** As the planner has it. */
export function toPolicy(row: Written): Policy {
  return { ...row, pattern: parsePattern(row.pattern), capBytes: Number(row.capBytes) }
}

/** Whose lines it is about: a facility, `*` for all of them, or nothing for the portal. */
export function ownerOf(pattern: string): string {
  const { namespace } = parsePattern(pattern)
  return namespace ?? '*'
}

/** Says in which version it is, whether it was deleted and made again meanwhile or not. */
export function printOf({ version, updateTime }: PolicyRow): string {
  return `${version} ${updateTime.toISOString()}`
}

export function renderPolicy(row: PolicyRow): RetentionPolicy {
  const { zone, nextTime, version, ...rest } = row
  const times = { timeZone: zone, nextTime: nextTime ?? undefined }
  return { ...rest, ...times, etag: String(version) }
}

export function noPolicy(name: string): Failure {
  const text = `There is no policy "${shown(name)}"; "mrg-image list policies" shows those that there are.`
  return missing('POLICY_NOT_FOUND', text, { policy: name })
}

export function demandEtag({ name, version }: PolicyRow, etag: string): void {
  if (etag === '' || etag === String(version)) return
  const text = `The policy ${name} changed since you read it: read it again and decide anew.`
  throw conflict('ETAG_MISMATCH', text, { policy: name })
}
