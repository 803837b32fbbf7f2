import { invalid, type Failure } from '../../lib/failure.ts'
import { parseSelector, renderSelector } from '../../lib/labels.ts'
import { parseAliasName, parseFacilityName, renderAliasName, shown } from '../../lib/names/name.ts'
import { parsePattern, renderPattern } from '../../lib/names/pattern.ts'
import { peersNamed } from '../../lib/rules/terms.ts'
import { parseWindow, windowPattern } from '../../lib/window.ts'
import type { SyncRule } from '../../proto/gen/merge/image/v1/rule.ts'
import { demandShort } from '../remark.ts'
import { parseSchedule } from '../schedule.ts'
import { leavings, type LeavingName, type Written } from './rule.ts'

const mostListed = 32
const mostNewest = 1000
const mostJitter = 86_400
const mostDays = 36_525
const mostPriority = 100
const mostWindows = 8
const leastRate = 1000n
const mostRate = 999_999_999_999_999n

/** Reads a rule as it was sent, or throws what is wrong with it. */
export function parseRule(given: SyncRule | undefined): Written {
  if (given === undefined) throw wrong('rule', 'rule is what is to be kept: give one.')
  const { name, held, jitterSeconds, priority, notes } = given
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    const text = `"${shown(name)}" is no name of a rule: write at most 63 small letters, digits and dashes, a letter first.`
    throw invalid('INVALID_NAME', text)
  }
  demandShort({ notes })
  demandBounds(given)
  const facility = parseFacilityName(given.facility)
  return {
    ...{ facility, name, held, jitterSeconds, priority, notes },
    ...whatOf(given),
    origin: originOf(given.origin, facility),
    ...parseSchedule(given),
    ...termsOf(given),
    labels: listOf('labels', given.labels, (text) => renderSelector(parseSelector(text))),
    ...leavingOf(given),
  }
}

function demandBounds({ newest, jitterSeconds, priority }: SyncRule): void {
  if (newest > mostNewest) throw wrong('newest', `newest is ${mostNewest} at most.`)
  if (jitterSeconds > mostJitter) {
    throw wrong('jitter_seconds', `jitter_seconds is ${mostJitter} at most: a day.`)
  }
  if (Math.abs(priority) > mostPriority) {
    throw wrong('priority', `priority is -${mostPriority} to ${mostPriority}.`)
  }
}

/** Where a rule says nothing else, it takes the newest of each line. */
function whatOf(given: SyncRule): Pick<Written, 'patterns' | 'aliases' | 'newest'> {
  const { newest, held } = given
  const patterns = listOf('patterns', given.patterns, (text) => renderPattern(parsePattern(text)))
  const aliases = listOf('aliases', given.aliases, aliasOf)
  const isAlone = aliases.length === 0 && !held
  if (patterns.length === 0 && (newest > 0 || held || isAlone)) {
    throw wrong('patterns', 'Say of which lines: patterns, as in debian-*-std-x86.')
  }
  return { patterns, aliases, newest: newest === 0 && isAlone ? 1 : newest }
}

function originOf(text: string, facility: string): string {
  const origin = text === '' || text === 'portal' ? text : parseFacilityName(text)
  if (origin !== facility) return origin
  throw wrong('origin', 'What is at the facility need not come from there.')
}

function termsOf(given: SyncRule): Pick<Written, 'windows' | 'rate' | 'peers'> {
  const { windows, rate, peers } = given
  if (rate > 0n && (rate < leastRate || rate > mostRate)) {
    throw wrong('rate', `rate is ${leastRate} to ${mostRate} bytes a second, or 0 for no limit.`)
  }
  return { windows: windowsOf(windows), rate, peers: peersNamed(peers) }
}

function windowsOf(texts: readonly string[]): string[] {
  if (texts.length > mostWindows) throw wrong('windows', `windows are ${mostWindows} at most.`)
  return listOf('windows', texts, (text) => {
    const window = windowPattern.test(text) ? parseWindow(text) : undefined
    if (window !== undefined && window.from !== window.to) return text
    const flaw = `"${shown(text)}" is none: write two different times of a day, as in 22:00-06:00.`
    throw wrong('windows', `windows are hours of the day, and ${flaw}`)
  })
}

function listOf(field: string, texts: readonly string[], read: (text: string) => string): string[] {
  if (texts.length > mostListed) throw wrong(field, `${field} are ${mostListed} at most.`)
  return [...new Set(texts.map(read))].sort()
}

function aliasOf(text: string): string {
  return text === '*' ? text : renderAliasName(parseAliasName(text))
}

function leavingOf({ leaving: code, keepDays }: SyncRule): Pick<Written, 'leaving' | 'keepDays'> {
  const names: readonly LeavingName[] = ['keep-days', 'keep']
  const leaving = names.find((name) => leavings[name] === code) ?? 'release'
  const isCounted = leaving === 'keep-days'
  if (isCounted && (keepDays < 1 || keepDays > mostDays)) {
    throw wrong('keep_days', `keep_days is 1 to ${mostDays} with KEEP_DAYS.`)
  }
  if (!isCounted && keepDays > 0)
    throw wrong('keep_days', 'keep_days says nothing without KEEP_DAYS.')
  return { leaving, keepDays }
}

function wrong(field: string, text: string): Failure {
  return invalid('INVALID_FIELD', text, { field })
}
