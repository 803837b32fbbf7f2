import { comesFirst } from '../../lib/rules/order.ts'
import { isThere } from '../agents/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { second } from '../moment.ts'
import { readRows } from '../rules/previewing.ts'
import { fetching, present } from './queries.ts'

/** When an image is to be at a facility, and when it will be. */
export interface Expectation {
  readonly byTime: Date | undefined
  /** Undefined if nobody can tell. */
  readonly expectedTime: Date | undefined
  /** A sentence for people; empty where there is nothing to say. */
  readonly message: string
}

interface Row {
  readonly name: string
  readonly byTime: Date | null
  readonly priority: number
  readonly storedBytes: bigint
  readonly isFetched: boolean
  /** What its agent has still to fetch of one that it fetches. */
  readonly leftBytes: bigint
}

/**
 * When the image will be at the facility, which lacks it: after what comes before it, each whole, at the rate of the last transfers;
 * of the image itself `lackedBytes` count, which its chunks take that are not there. What deltas save comes on top.
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
  const lacking = await readLacking(sql, facility)
  const row = lacking.find(({ name }) => name === image)
  if (row === undefined) return { byTime: undefined, expectedTime: undefined, message: '' }
  const byTime = row.byTime ?? undefined
  const pace = await readPace(sql, facility)
  if (pace === undefined) {
    const message = `When it will be at ${facility} nobody can tell: its agent is away, or has fetched nothing yet.`
    return { byTime, expectedTime: undefined, message }
  }
  const ahead = lacking.slice(0, lacking.indexOf(row))
  const left = ({ isFetched, leftBytes }: Row, whole: bigint): bigint =>
    isFetched ? leftBytes : whole
  const bytes = ahead.reduce((sum, one) => sum + left(one, one.storedBytes), left(row, lackedBytes))
  const start = Math.max(now.getTime(), pace.opensTime?.getTime() ?? 0)
  const expectedTime = new Date(start + (Number(bytes) / Number(pace.fetchRate)) * 1000)
  return { byTime, expectedTime, message: inWords(facility, byTime, expectedTime) }
}

/** Bytes that the chunks of an image take that no image at the facility has; outside of transactions, for it reads them all. */
export async function lackedBytes(sql: Sql, facility: string, image: string): Promise<bigint> {
  const [row] = await readRows(sql, facility, [image])
  return row?.fetchBytes ?? 0n
}

/** What the facility lacks, in the order in which it fetches: what it fetches now is not left for another. */
async function readLacking(sql: Sql | Transaction, facility: string): Promise<Row[]> {
  const rows = await sql<Row[]>`
    select image.name, by_time, priority, stored_bytes, coalesce(replica.state = ${fetching}, false) as is_fetched,
      greatest(coalesce(total_bytes - peer_bytes - portal_bytes, 0), 0) as left_bytes
    from wanted join image on image.name = wanted.image join manifest on manifest.id = image.manifest
      left join replica on replica.facility = wanted.facility and replica.image = wanted.image
    where wanted.facility = ${facility} and coalesce(replica.state, 0) <> ${present}`
  const lacked = (row: Row) => ({ ...row, byTime: row.byTime ?? undefined })
  return rows.toSorted(
    (a, b) => Number(b.isFetched) - Number(a.isFetched) || comesFirst(lacked(a), lacked(b)),
  )
}

async function readPace(sql: Sql | Transaction, facility: string) {
  const [row] = await sql<{ fetchRate: bigint; opensTime: Date | null }[]>`
    select fetch_rate, opens_time from facility
    where name = ${facility} and fetch_rate > 0 and ${isThere(sql)}`
  return row
}

function inWords(facility: string, byTime: Date | undefined, expectedTime: Date): string {
  const expected = `It is expected at ${facility} at ${second(expectedTime)}`
  if (byTime === undefined) return `${expected}.`
  const lateMs = expectedTime.getTime() - byTime.getTime()
  return lateMs > 0
    ? `${expected}: ${Math.ceil(lateMs / 60_000)} min too late for ${second(byTime)}.`
    : `${expected}, in time for ${second(byTime)}.`
}
