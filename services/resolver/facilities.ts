import { archOf, type Arch } from '../../lib/names/catalogue.ts'
import type { Sql } from '../db/open.ts'
import { noFacility } from '../facilities/service.ts'
import { facilityHeads, imagesPresentAt, type FacilityHead } from './queries.ts'
import { inTurns } from './turns.ts'

/** What resolution has to know of a facility. */
export interface FacilityAt {
  readonly name: string
  /** The architecture of its nodes, where they have one in common. */
  readonly arch: Arch | undefined
  /** The exact names of the images that it holds whole. */
  readonly present: ReadonlySet<string>
}

/** Finds a facility as it is now, or FACILITY_NOT_FOUND; what it holds is read again only after it has reported. */
export function followFacilities(sql: Sql): (name: string) => Promise<FacilityAt> {
  const known = new Map<string, FacilityAt & Pick<FacilityHead, 'reported'>>()
  let asked = new Set<string>()
  const read = inTurns(async () => {
    const names = [...asked]
    asked = new Set()
    const heads = await facilityHeads(sql, names)
    for (const head of heads) {
      const before = known.get(head.name)
      if (before?.reported === head.reported) continue
      const present = new Set(await imagesPresentAt(sql, head.name))
      known.set(head.name, { ...head, arch: archOf(head.arch), present })
    }
  })
  return async (name) => {
    if (!isFacilityShaped(name)) throw noFacility(name)
    asked.add(name)
    await read()
    const found = known.get(name)
    if (found === undefined) throw noFacility(name)
    return found
  }
}

/** What cannot be a facility is not asked for: it might be no text that the database takes. */
function isFacilityShaped(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(name)
}
