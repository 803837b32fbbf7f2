import { RulePeers } from '../../proto/gen/merge/image/v1/rule.ts'
import { untilOpenMs, type DayWindow } from '../window.ts'

/** Where bytes come from: from peers before the portal, after it, or alone. */
export type PeersName = 'first' | 'last' | 'only'

/** On which terms a sync rule lets an image be fetched (rule.proto). */
export interface Terms {
  readonly rule: string
  /** In which part of each day; undefined for at any time. */
  readonly window: DayWindow | undefined
  /** Bytes a second at most; undefined for as fast as they come. */
  readonly rate: number | undefined
  readonly peers: PeersName
}

/** What all the terms of an image together allow now. */
export type Allowance =
  | { readonly kind: 'open'; readonly rate: number | undefined; readonly peers: PeersName }
  /** Its hours have not come. */
  | { readonly kind: 'closed'; readonly rule: string; readonly opensAt: Date }
  /** It may come from peers alone, and none has it. */
  | { readonly kind: 'alone'; readonly rule: string }

export const peersCodes: Readonly<Record<PeersName, RulePeers>> = {
  first: RulePeers.RULE_PEERS_FIRST,
  last: RulePeers.RULE_PEERS_LAST,
  only: RulePeers.RULE_PEERS_ONLY,
}

/** FIRST where nothing else is said. */
export function peersNamed(code: RulePeers): PeersName {
  const names: readonly PeersName[] = ['last', 'only']
  return names.find((name) => peersCodes[name] === code) ?? 'first'
}

/** The most that any of the terms allows whose hours it is; everything where there are none. */
export function allowanceOf(terms: readonly Terms[], isAtPeers: boolean, now: Date): Allowance {
  if (terms.length === 0) return { kind: 'open', rate: undefined, peers: 'first' }
  const waits = terms.map((one) => ({ ...one, ms: one.window ? untilOpenMs(one.window, now) : 0 }))
  const timely = waits.filter(({ ms }) => ms === 0)
  const [soonest] = waits.toSorted((a, b) => a.ms - b.ms)
  if (timely.length === 0 && soonest !== undefined) {
    const { rule, ms } = soonest
    return { kind: 'closed', rule, opensAt: new Date(now.getTime() + ms) }
  }
  const able = timely.filter(({ peers }) => peers !== 'only' || isAtPeers)
  if (able.length === 0) return { kind: 'alone', rule: timely[0]?.rule ?? '' }
  return { kind: 'open', rate: highest(able), peers: mostOf(able) }
}

/** Whether terms allow everything at any time, so that all others beside them say nothing. */
export function isFree({ window, rate, peers }: Terms): boolean {
  return window === undefined && rate === undefined && peers === 'first'
}

function highest(terms: readonly Terms[]): number | undefined {
  const rates = terms.map(({ rate }) => rate ?? Infinity)
  const most = Math.max(...rates)
  return most === Infinity ? undefined : most
}

/** Peers come first where one says so, because that spares the portal, which serves all. */
function mostOf(terms: readonly Terms[]): PeersName {
  const names: readonly PeersName[] = ['first', 'last']
  return names.find((name) => terms.some(({ peers }) => peers === name)) ?? 'only'
}
