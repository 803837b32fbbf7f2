import { parseImageName } from '../../../lib/names/name.ts'
import { judge } from '../../../lib/rules/judge.ts'
import type { FetchTerms, ReportStateRequest } from '../../../proto/gen/merge/image/v1/agent.ts'
import { ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import type { Build } from './builds.ts'

/** What a facility reported last. */
interface Report {
  readonly at: number
  readonly request: ReportStateRequest
}

/** A facility as the portal knows it. */
export interface Facility {
  readonly name: string
  /** How many of the newest of each line it wants. */
  newest: number
  readonly pushed: Set<string>
  /** On which what its rule selects may come. */
  terms: readonly FetchTerms[]
  generation: bigint
  wanted: readonly string[]
  report: Report | undefined
  /** What it was allowed to let go, and when. */
  readonly allowed: Map<string, number>
}

export function facilityOf(name: string): Facility {
  const nothing = { wanted: [], terms: [], report: undefined }
  return { name, newest: 1, generation: 1n, ...nothing, pushed: new Set(), allowed: new Map() }
}

/** What its rule selects, and what was pushed. */
export function decide(facility: Facility, usable: readonly Build[]): void {
  const nothing = { patterns: [], aliases: [], held: false, labels: [], origin: '' }
  const selection = { ...nothing, newest: facility.newest }
  const places = new Map<string, number>()
  const selected = usable.filter(({ name, line }) => {
    const place = (places.get(line) ?? 0) + 1
    places.set(line, place)
    const facts = {
      usable: true,
      home: null,
      heldBack: false,
      aliases: [],
      held: false,
      labels: {},
    }
    return judge(selection, { ...facts, place, line: parseImageName(name) }).selected
  })
  const wanted = [...new Set([...selected.map(({ name }) => name), ...facility.pushed])].toSorted()
  if (wanted.join() === facility.wanted.join()) return
  facility.wanted = wanted
  facility.generation++
}

export function presentIn({ request }: Report): string[] {
  const present = ReplicaState.REPLICA_STATE_PRESENT
  return request.replicas.flatMap(({ state, image }) => (state === present ? [image] : []))
}
