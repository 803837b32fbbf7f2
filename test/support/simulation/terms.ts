import { splitDigests, type Digest } from '../../../lib/content/digest.ts'
import { readTerms } from '../../../agent/terms.ts'
import { allowanceOf } from '../../../lib/rules/terms.ts'
import type { FetchTerms } from '../../../proto/gen/merge/image/v1/agent.ts'
import { RulePeers } from '../../../proto/gen/merge/image/v1/rule.ts'
import type { Chance } from './chance.ts'
import type { Host } from './host.ts'
import type { Portal } from './portal.ts'
import type { Timeline } from './timeline.ts'

/** A run begins a little before midnight: these open or close in the middle of the storm, or open a while after it. */
const windows = ['', '', '00:00-06:00', '23:00-00:00', '00:20-06:00'] as const
const { RULE_PEERS_FIRST, RULE_PEERS_LAST, RULE_PEERS_ONLY } = RulePeers

/** On which terms a rule lets images come; none for at any time, as fast as they come. */
export function someTerms(chance: Chance): FetchTerms[] {
  const one = (rule: string): FetchTerms => ({
    rule,
    window: chance.pick(windows),
    timeZone: 'UTC',
    rate: chance.pick([0n, 0n, 20_000n]),
    peers: chance.pick([RULE_PEERS_FIRST, RULE_PEERS_FIRST, RULE_PEERS_LAST, RULE_PEERS_ONLY]),
  })
  return ['nightly', 'careful'].slice(0, chance.pick([0, 1, 1, 2])).map(one)
}

/** The same, but such as let everything come within the hour, whoever else has it. */
export function kindTerms(chance: Chance): FetchTerms[] {
  return someTerms(chance).map((terms) => ({
    ...terms,
    window: terms.window === '23:00-00:00' ? '' : terms.window,
    peers: terms.peers === RULE_PEERS_ONLY ? RULE_PEERS_LAST : terms.peers,
  }))
}

/** Whether agents keep to the terms that they were told. */
export interface Bound {
  /** Looks at what each agent may fetch now. */
  step(): void
  /** What is wrong with an agent's asking the portal for these; undefined if it may. */
  asks(facility: string, digests: Uint8Array): string | undefined
}

/** So long may go by until what was begun breaks off. */
const noticedMs = 1_500
const lookMs = 500

export function boundOf(hosts: readonly Host[], portal: Portal, time: Timeline): Bound {
  /** Since when the portal may not be asked for an image, by the agent and the image. */
  const since = new Map<string, number>()
  let looked = -lookMs
  const look = (): void => {
    looked = time.now()
    for (const host of hosts) {
      const forbidden = new Set(forbiddenTo(host))
      for (const { name } of portal.builds.values()) {
        const key = `${host.name} ${name}`
        if (!forbidden.has(name)) since.delete(key)
        else if (!since.has(key)) since.set(key, looked)
      }
    }
  }
  return {
    step() {
      if (time.now() >= looked + lookMs) look()
    },
    asks(facility, digests) {
      look()
      const mayFetch = (name: string): boolean =>
        time.now() < (since.get(`${facility} ${name}`) ?? Infinity) + noticedMs
      const allowed = new Set(
        [...portal.builds.values()]
          .filter(({ name }) => mayFetch(name))
          .flatMap(({ chunks }) => chunks.map(({ entry }) => entry.digest)),
      )
      const host = hosts.find(({ name }) => name === facility)
      const other = splitDigests(digests).find(
        (digest) => !allowed.has(digest) && !isDamaged(digest, host),
      )
      return other && `it asks the portal for ${other}, against the terms that it was told`
    },
  }
}

/** What was found damaged is mended at any time. */
function isDamaged(digest: Digest, host: Host | undefined): boolean {
  const sql = 'SELECT 1 FROM damage WHERE digest = unhex(?)'
  return host?.database.db?.prepare(sql).get(digest) !== undefined
}

/** What is wanted and not here, and may not come from the portal now. */
function forbiddenTo({ running }: Host): string[] {
  if (running === undefined) return []
  const { storage, sync, process } = running
  const here = new Set(storage.images.present().map(({ name }) => name))
  return sync.state.desired.images.flatMap(({ image, terms, holders }) => {
    if (image === undefined || here.has(image.name)) return []
    const allowance = allowanceOf(readTerms(terms), holders.length > 0, process.now())
    return allowance.kind === 'open' && allowance.peers !== 'only' ? [] : [image.name]
  })
}
