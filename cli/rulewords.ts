import { RuleLeaving, RulePeers, type SyncRule } from '../proto/gen/merge/image/v1/rule.ts'
import { bytes, counted } from './units.ts'

/** `the newest 2 of debian-*-std-x86, and what the alias debian points to` */
export function inWords({ patterns, newest, aliases, held, origin, labels }: SyncRule): string {
  const of = patterns.length === 0 ? '' : ` of ${patterns.join(', ')}`
  const parts = [
    newest === 1 ? 'the newest' : newest > 1 ? `the newest ${newest}` : '',
    aliases.includes('*')
      ? 'what aliases point to'
      : aliases.length > 0
        ? `what ${aliases.join(', ')} ${aliases.length > 1 ? 'point' : 'points'} to`
        : '',
    held ? 'what is held' : '',
  ].filter((part) => part !== '')
  const labelled = labels.length === 0 ? '' : ` with the labels ${labels.join(', ')}`
  return `${parts.join(', and ')}${of}${labelled}${origin === '' ? '' : `, from ${origin}`}`
}

/** `22:00-06:00 Europe/Berlin, 20.0 MB/s, portal first`; `-` for no bounds. */
export function termsWords({ windows, timeZone, rate, peers }: SyncRule): string {
  const said = [
    ...(windows.length === 0 ? [] : [`${windows.join(', ')} ${timeZone}`]),
    ...(rate === 0n ? [] : [`${bytes(rate)}/s`]),
    ...(peers === RulePeers.RULE_PEERS_LAST ? ['portal first'] : []),
    ...(peers === RulePeers.RULE_PEERS_ONLY ? ['peers only'] : []),
  ]
  return said.join(', ') || '-'
}

export function leavingWords({ leaving, keepDays }: SyncRule): string {
  if (leaving === RuleLeaving.RULE_LEAVING_KEEP) return 'stays wanted'
  return leaving === RuleLeaving.RULE_LEAVING_KEEP_DAYS
    ? `stays wanted for ${counted(keepDays, 'day')}`
    : 'stays until its room is needed'
}
