import { precondition, type Failure } from '../../lib/failure.ts'
import type { ImageName } from '../../lib/names/name.ts'
import { matcher, parsePattern } from '../../lib/retention/pattern.ts'
import type { Need } from '../../lib/retention/world.ts'
import { newestReleased } from '../aliases/queries.ts'
import type { Transaction } from '../db/open.ts'

/** What may not go, by name and read. */
export interface Guarded {
  readonly name: string
  readonly image: ImageName
}

/** Why an image may not expire; undefined if nothing needs it. */
export async function whyKept(tx: Transaction, guarded: Guarded): Promise<Failure | undefined> {
  return refusalOf(guarded.name, await needsOf(tx, guarded))
}

/** Why an image may not be archived: as for expiry, but that a hold does not count where the policy of its line says so. */
export async function whyNotArchived(
  tx: Transaction,
  guarded: Guarded,
): Promise<Failure | undefined> {
  const needs = await needsOf(tx, guarded)
  const held = needs.some(({ kind }) => kind === 'hold') && (await archivesHeld(tx, guarded))
  return refusalOf(guarded.name, held ? needs.filter(({ kind }) => kind !== 'hold') : needs)
}

function refusalOf(name: string, needs: readonly Need[]): Failure | undefined {
  if (needs.length === 0) return undefined
  const [first, ...more] = needs.map(({ message }) => message)
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  const holders = needs.map(({ message }) => message).join('; ')
  return precondition('NEEDED', `${name} is needed: ${first ?? ''}${others}.`, { holders })
}

async function archivesHeld(tx: Transaction, { image }: Guarded): Promise<boolean> {
  const rows = await tx<{ pattern: string; archiveHeld: boolean }[]>`
    select pattern, archive_held from policy`
  const all = rows.map(({ pattern, archiveHeld }) => ({
    pattern: parsePattern(pattern),
    archiveHeld,
  }))
  return matcher(all)(image)?.archiveHeld === true
}

/** What needs an image. */
async function needsOf(tx: Transaction, { name, image }: Guarded): Promise<readonly Need[]> {
  const rows = await tx<Need[]>`
    select 'hold' as kind, id as name, owner || ' holds it: ' || reason as message, expire_time as until
    from hold where image = ${name} and release_time is null
      and (expire_time is null or expire_time > now())
    union all
    select 'alias', name, 'the alias ' || name || ' points at it', null from alias where image = ${name}
    union all
    select 'facility', facility, facility || ' should have it', null from wanted
    where image = ${name} and facility is distinct from (
      select facility from image where image.name = ${name} and custom)
    union all
    select 'transfer', image, 'its bytes are on the move', null from move where image = ${name}`
  const newest = await newestReleased(tx, image)
  if (newest !== name) return rows
  const line = { kind: 'line', name, message: 'it is the newest of its line', until: undefined }
  return [...rows, line as Need]
}
