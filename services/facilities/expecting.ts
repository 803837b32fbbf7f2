import { comesFirst, type Lacked } from '../../lib/rules/order.ts'
import { allowanceOf, type Allowance, type Terms } from '../../lib/rules/terms.ts'
import { isThere } from '../agents/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { second } from '../moment.ts'
import { atPeers, readRows } from '../rules/previewing.ts'
import { readTerms, type Reasons } from '../rules/terms.ts'
import { fetching, present } from './queries.ts'

/** When an image is to be at a facility, and when it will be. */
export interface Expectation {
  readonly byTime: Date | undefined
  /** Undefined if nobody can tell. */
  readonly expectedTime: Date | undefined
  /** A sentence for people; empty where there is nothing to say. */
  readonly message: string
}

interface Row extends Reasons {
  readonly name: string
  readonly byTime: Date | null
  readonly priority: number
  readonly storedBytes: bigint
  readonly isFetched: boolean
  /** What its agent has still to fetch of one that it fetches. */
  readonly leftBytes: bigint
  /** Whether another facility whose agent is there has it whole. */
  readonly atPeers: boolean
}

/** An image that lacks, as its terms have it at some moment. */
interface Lacking extends Lacked {
  readonly isFetched: boolean
  readonly leftBytes: bigint
  readonly allowance: Allowance
}

/**
 * When the image will be at the facility, which lacks it: from when its terms and its agent let it be fetched, after what comes
 * before it then, each whole, at the rate of the last transfers or what terms bind it to; of the image itself `lackedBytes` count,
 * which its chunks take that are not there. What deltas save comes on top.
 */
export async function expect(
  sql: Sql | Transaction,
  {
    facility,
    image,
    lackedBytes,
  }: { readonly facility: string; readonly image: string; readonly lackedBytes: bigint },
  now: Date,
): Promise<Expectation> {
  const rows = await readLacking(sql, facility)
  const row = rows.find(({ name }) => name === image)
  if (row === undefined) return { byTime: undefined, expectedTime: undefined, message: '' }
  const byTime = row.byTime ?? undefined
  const pace = await readPace(sql, facility)
  const termsOf = await readTerms(sql, [facility])
  const start = startOf(termsOf(row), row.atPeers, pace?.opensTime ?? now, now)
  const lacking = rows.map((one) => lackingAt(one, termsOf(one), start))
  const own = lackingAt(row, termsOf(row), start)
  const others = lacking.filter(({ name }) => name !== image)
  const ms = pace && durationMs(own, others, lackedBytes, Number(pace.fetchRate))
  if (ms === undefined) {
    return { byTime, expectedTime: undefined, message: unknown(facility, own.allowance) }
  }
  const expectedTime = new Date(start.getTime() + ms)
  return { byTime, expectedTime, message: inWords(facility, byTime, expectedTime) }
}

/** From when it may be fetched, by what is known now. */
function startOf(terms: readonly Terms[], atPeers: boolean, opensTime: Date, now: Date): Date {
  const opens = new Date(Math.max(now.getTime(), opensTime.getTime()))
  const allowance = allowanceOf(terms, atPeers, opens)
  return allowance.kind === 'closed' ? allowance.opensAt : opens
}

function lackingAt(row: Row, terms: readonly Terms[], at: Date): Lacking {
  const allowance = allowanceOf(terms, row.atPeers, at)
  const isBound = allowance.kind === 'open' && allowance.rate !== undefined
  return { ...row, byTime: row.byTime ?? undefined, allowance, isBound }
}

/** Undefined if nobody can tell. */
function durationMs(
  own: Lacking,
  others: readonly Lacking[],
  ownBytes: bigint,
  fetchRate: number,
): number | undefined {
  const secondsFor = ({ isFetched, leftBytes, allowance }: Lacking, whole: bigint): number => {
    const bound = allowance.kind === 'open' ? (allowance.rate ?? Infinity) : 0
    const rate = Math.min(bound, fetchRate > 0 ? fetchRate : Infinity)
    // Nothing is known of how fast it comes, or it does not come at all.
    return rate === Infinity || rate === 0 ? NaN : Number(isFetched ? leftBytes : whole) / rate
  }
  const ahead = others
    .filter((one) => one.allowance.kind === 'open' && isAhead(one, own))
    .map((one) => secondsFor(one, one.storedBytes))
  const seconds = ahead.reduce((sum, one) => sum + one, secondsFor(own, ownBytes))
  return Number.isNaN(seconds) ? undefined : seconds * 1000
}

/** What is fetched now is not left for another, unless a rate binds it. */
function isAhead(one: Lacking, own: Lacking): boolean {
  const stays = ({ isFetched, isBound }: Lacking, other: Lacking): boolean =>
    isFetched && (!isBound || other.isBound)
  if (stays(one, own)) return true
  return !stays(own, one) && comesFirst(one, own) < 0
}

/** Bytes that the chunks of an image take that no image at the facility has; outside of transactions, for it reads them all. */
export async function lackedBytes(sql: Sql, facility: string, image: string): Promise<bigint> {
  const [row] = await readRows(sql, facility, [image])
  return row?.fetchBytes ?? 0n
}

/** What the facility lacks. */
async function readLacking(sql: Sql | Transaction, facility: string): Promise<readonly Row[]> {
  return sql<Row[]>`
    select wanted.facility, image.name, by_time, priority, stored_bytes, pushed, rules,
      coalesce(replica.state = ${fetching}, false) as is_fetched,
      greatest(coalesce(total_bytes - peer_bytes - portal_bytes, 0), 0) as left_bytes,
      ${atPeers(sql, sql`wanted.facility`)} as at_peers
    from wanted join image on image.name = wanted.image join manifest on manifest.id = image.manifest
      left join replica on replica.facility = wanted.facility and replica.image = wanted.image
    where wanted.facility = ${facility} and coalesce(replica.state, 0) <> ${present}`
}

async function readPace(sql: Sql | Transaction, facility: string) {
  const [row] = await sql<{ fetchRate: bigint; opensTime: Date | null }[]>`
    select fetch_rate, opens_time from facility where name = ${facility} and ${isThere(sql)}`
  return row
}

function unknown(facility: string, { kind }: Allowance): string {
  const why =
    kind === 'alone'
      ? 'it comes from other facilities alone, and none has it whole'
      : 'its agent is away, or has fetched nothing yet'
  return `When it will be at ${facility} nobody can tell: ${why}.`
}

function inWords(facility: string, byTime: Date | undefined, expectedTime: Date): string {
  const expected = `It is expected at ${facility} at ${second(expectedTime)}`
  if (byTime === undefined) return `${expected}.`
  const lateMs = expectedTime.getTime() - byTime.getTime()
  return lateMs > 0
    ? `${expected}: ${Math.ceil(lateMs / 60_000)} min too late for ${second(byTime)}.`
    : `${expected}, in time for ${second(byTime)}.`
}
