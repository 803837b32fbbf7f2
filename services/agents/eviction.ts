import { EvictionVerdict, type EvictionAnswer } from '../../proto/gen/merge/image/v1/agent.ts'
import type { Transaction } from '../db/open.ts'
import { present } from '../facilities/queries.ts'

// What facilities may let go. No image loses its last copy this way, whoever asks at the same time: the image's row is
// locked while its copies are counted, and what may go is written down and counts no more.

/** An image and its copies, for one facility that has one of them. */
export interface Evicted {
  readonly name: string
  /** Whether the facility should hold it. */
  readonly wanted: boolean
  /** Whether it is the facility's own. */
  readonly own: boolean
  readonly held: boolean
  readonly expired: boolean
  /** Whether the portal's store or its archive has its bytes. */
  readonly atPortal: boolean
  /** Other facilities that have it whole, and may not let it go. */
  readonly copies: number
}

/** Answers in the order asked; unless it is a rehearsal, what may go counts as gone for those who ask next. */
export async function askEviction(
  tx: Transaction,
  facility: string,
  names: readonly string[],
  rehearsal: boolean,
): Promise<EvictionAnswer[]> {
  // In their order, so that two who ask for the same ones do not wait for each other in a circle.
  await tx`
    select name from image where name = any (${names as string[]})
    order by name for no key update`
  // Another statement, which sees what those have written who held the rows before.
  const rows = await readEvicted(tx, facility, names)
  const known = new Map(rows.map((row) => [row.name, row]))
  const answers = names.map((name) => answerFor(name, known.get(name)))
  const going = answers.filter(({ verdict }) => verdict === EvictionVerdict.EVICTION_VERDICT_MAY_GO)
  if (!rehearsal) await allow(tx, facility, going)
  return answers
}

/** Whether a facility may let its copy of an image go. */
export function answerFor(image: string, found: Evicted | undefined): EvictionAnswer {
  const stays = (why: keyof typeof EvictionVerdict, message: string): EvictionAnswer => ({
    ...{ image, message },
    verdict: EvictionVerdict[why],
  })
  if (found === undefined) return stays('EVICTION_VERDICT_UNKNOWN', 'the portal does not know it')
  if (found.wanted) return stays('EVICTION_VERDICT_WANTED', 'it is wanted here')
  if (found.own && !found.expired) {
    const text = "it is the facility's own, and its time is not over"
    return stays('EVICTION_VERDICT_OWN', text)
  }
  const isNeeded = found.held || !found.expired
  if (isNeeded && !found.atPortal && found.copies === 0) {
    const why = found.held ? 'it is held, and this' : 'this'
    return stays('EVICTION_VERDICT_LAST_COPY', `${why} is the last copy that the portal knows of`)
  }
  return { image, verdict: EvictionVerdict.EVICTION_VERDICT_MAY_GO, message: '' }
}

/** What is not heard of for so long is not counted on. */
const counted = '1 day'

async function readEvicted(
  tx: Transaction,
  facility: string,
  names: readonly string[],
): Promise<Evicted[]> {
  return tx<Evicted[]>`
    select name, storage = 'expired' as expired,
      custom and image.facility = ${facility} as own,
      not custom and storage <> 'expired' as at_portal,
      exists (
        select from wanted where wanted.facility = ${facility} and wanted.image = image.name) as wanted,
      exists (
        select from hold where hold.image = image.name and release_time is null
          and (hold.expire_time is null or hold.expire_time > now())) as held,
      (select count(*) from replica join facility as other on other.name = replica.facility
        where replica.image = image.name and replica.facility <> ${facility}
          and replica.state = ${present} and other.agent_time > now() - ${counted}::interval
          and not exists (
            select from eviction
            where eviction.image = replica.image and eviction.facility = replica.facility))::int as copies
    from image where name = any (${names as string[]})`
}

async function allow(
  tx: Transaction,
  facility: string,
  going: readonly EvictionAnswer[],
): Promise<void> {
  if (going.length === 0) return
  await tx`
    insert into eviction (facility, image)
    select ${facility}, image from unnest(${going.map(({ image }) => image)}::text[]) as image
    on conflict (facility, image) do update set time = now()`
}

/** A minute is as long as an agent may take to let it go; what is told later than this is what came of it. */
const settled = '10 minutes'

/** From now on the facility's report says whether it has what it was allowed to let go. */
export async function settleEvictions(tx: Transaction, facility: string): Promise<void> {
  await tx`
    delete from eviction where facility = ${facility} and time < now() - ${settled}::interval`
}
