import { isFree, peersCodes, type Terms } from '../../lib/rules/terms.ts'
import { parseWindow, renderWindow } from '../../lib/window.ts'
import type { FetchTerms } from '../../proto/gen/merge/image/v1/agent.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { Written } from './rule.ts'

/** What binds those who fetch what a rule wants. */
export type RuleTerms = Pick<Written, 'facility' | 'name' | 'windows' | 'zone' | 'rate' | 'peers'>

/** Why a facility should hold an image. */
export interface Reasons {
  readonly facility: string
  readonly pushed: boolean
  readonly rules: readonly string[]
}

/** The terms on which a facility fetches what it should hold for these reasons. */
export type TermsOf = (reasons: Reasons) => readonly Terms[]

export async function readTerms(
  sql: Sql | Transaction,
  facilities: readonly string[],
): Promise<TermsOf> {
  const rows = await sql<RuleTerms[]>`
    select facility, name, windows, zone, rate, peers from sync_rule
    where facility = any (${facilities as string[]})`
  return termsOf(rows)
}

/** None where one of the reasons allows everything, as that somebody pushed it does. */
export function termsOf(rules: readonly RuleTerms[]): TermsOf {
  const known = new Map(rules.map((rule) => [`${rule.facility} ${rule.name}`, termsOfRule(rule)]))
  return ({ facility, pushed, rules: names }) => {
    const all = pushed ? [] : names.flatMap((name) => known.get(`${facility} ${name}`) ?? [])
    return all.some(isFree) ? [] : all
  }
}

/** A rule of several windows has each of them on the same terms. */
export function termsOfRule({ name, windows, zone, rate, peers }: RuleTerms): Terms[] {
  const bound = { rule: name, rate: rate === 0n ? undefined : Number(rate), peers }
  if (windows.length === 0) return [{ ...bound, window: undefined }]
  return windows.map((window) => ({ ...bound, window: parseWindow(window, zone) }))
}

export function renderTerms({ rule, window, rate, peers }: Terms): FetchTerms {
  return {
    ...{ rule, rate: BigInt(rate ?? 0), peers: peersCodes[peers] },
    ...{ window: window === undefined ? '' : renderWindow(window), timeZone: window?.zone ?? '' },
  }
}
