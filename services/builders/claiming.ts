import { precondition, type Failure } from '../../lib/failure.ts'
import { renderImageName } from '../../lib/names/name.ts'
import { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import { recordCall } from '../audit/record.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { announceBuild } from '../db/changes.ts'
import { loseBuilder } from '../builds/losing.ts'
import { buildColumns, getBuild, type BuildRow } from '../builds/queries.ts'
import { nextSerial, ownedBy } from '../images/lines.ts'
import { lineOf } from '../sources/importing.ts'
import { findImport } from '../sources/imports.ts'

/** How long a claim holds without a sign of life. */
const lease = '60 seconds'

/** Who wants work, and what it can do. */
export interface Worker {
  readonly claim: string
  readonly caller: Caller
  /** Null for the portal's own. */
  readonly facility: string | null
  readonly worker: string
  readonly holding: readonly string[]
  readonly kinds: readonly number[]
  readonly archs: readonly string[]
}

/** How many builds run at once: of the portal's own, and of each facility's. */
export interface Room {
  readonly portal: number
  readonly aFacility: number
}

/**
 * Gives the oldest build that waits and fits, or undefined. Claims of one owner's builds are made one after another, so that the
 * count of what runs is right; a row that somebody else has locked, to cancel it say, is passed by.
 */
export async function claimBuild(
  sql: Sql,
  worker: Worker,
  room: Room,
  day: string,
  newUlid: () => string,
): Promise<BuildRow | undefined> {
  const { fits, holds, strays } = await look(sql, worker, room)
  if (strays) while (await giveUpOne(sql, worker, newUlid));
  else if (!fits && !holds) return undefined
  return sql.begin(async (tx) => {
    await lockClaims(tx, worker)
    const before = await byClaim(tx, worker.claim, worker.caller)
    if (before !== undefined) return before.state === 'running' ? before : undefined
    const [free] = await tx<{ is: boolean }[]>`select ${hasRoom(tx, worker, room)} as is`
    if (free?.is !== true) return undefined
    const build = await oldestFitting(tx, worker)
    if (build === undefined) return undefined
    await reserveName(tx, build, day)
    await tx`
      update build set state = 'running', claim = ${worker.claim}, lease_time = now() + ${lease}::interval,
        builder = ${worker.caller.name}, worker = ${worker.worker}, attempt = attempt + 1, start_time = now()
      where name = ${build.name}`
    await announceBuild(tx, build.name)
    await recordClaim(tx, worker, build)
    return getBuild(tx, build.name)
  })
}

async function recordClaim(tx: Transaction, by: Worker, build: BuildRow): Promise<void> {
  const { caller, worker, facility } = by
  const request = { worker, facility: facility ?? 'portal' }
  const answer = { build: { name: build.name, recipe: build.recipe } }
  await recordCall(tx, BuildServiceService.claimBuild, caller, request, answer)
}

/** What a claim can come to. Whoever waits for a build looks often and finds nothing, and holds nobody up by it. */
async function look(
  sql: Sql,
  worker: Worker,
  room: Room,
): Promise<Readonly<Record<'fits' | 'holds' | 'strays', boolean>>> {
  const { claim, caller } = worker
  const [row] = await sql<{ fits: boolean; holds: boolean; strays: boolean }[]>`
    select exists (select from build where ${isFitting(sql, worker)}) and ${hasRoom(sql, worker, room)} as fits,
      exists (select from build where claim = ${claim} and builder = ${caller.name}) as holds,
      exists (select from build where ${isStray(sql, worker)}) as strays`
  return row ?? { fits: false, holds: false, strays: false }
}

async function lockClaims(tx: Transaction, { facility }: Worker): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`claims of ${facility ?? ''}`}, 0))`
}

/** What a worker claimed before and does not hold any more; it was killed, or it would. Each by itself, for it locks more than builds. */
async function giveUpOne(sql: Sql, worker: Worker, newUlid: () => string): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [stray] = await tx<BuildRow[]>`
      select ${buildColumns(tx)} from build
      where ${isStray(tx, worker)} order by name limit 1 for no key update`
    if (stray !== undefined) await loseBuilder(tx, stray, newUlid)
    return stray !== undefined
  })
}

const isStray = (sql: Sql | Transaction, { caller, worker, claim, holding }: Worker) => sql`
  (state = 'running' and builder = ${caller.name} and worker = ${worker}
    and claim <> all (${[claim, ...holding]}::uuid[]))`

const hasRoom = (sql: Sql | Transaction, { facility }: Worker, room: Room) => sql`
  (select count(*) from build where state = 'running' and ${ownedBy(sql, facility ?? '')})
    < ${facility === null ? room.portal : room.aFacility}`

const isFitting = (sql: Sql | Transaction, { facility, kinds, archs }: Worker) => sql`
  (state = 'queued' and ${ownedBy(sql, facility ?? '')}
    and kind = any (${kinds as number[]}::smallint[]) and arch = any (${archs as string[]}::text[]))`

async function oldestFitting(tx: Transaction, worker: Worker): Promise<BuildRow | undefined> {
  const [row] = await tx<BuildRow[]>`
    select ${buildColumns(tx)} from build where ${isFitting(tx, worker)}
    order by create_time, name limit 1 for no key update skip locked`
  return row
}

/** The name that the image will have, as it has it inside: kept for the build over all its attempts. */
async function reserveName(tx: Transaction, build: BuildRow, day: string): Promise<void> {
  if (build.image !== null) return
  const imported = await findImport(tx, build.name)
  const at = imported === undefined || imported.day === '' ? day : imported.day
  const unnamed = lineOf(build.target)
  const name = { ...unnamed, build: { day: at, serial: await nextSerial(tx, unnamed, at) } }
  await tx`
    update build set image = ${renderImageName(name)}, day = ${at}, serial = ${name.build.serial}
    where name = ${build.name}`
}

/** The caller's running build under a claim, locked until the transaction ends, or BUILD_LOST. */
export async function lockClaimed(
  tx: Transaction,
  claim: string,
  caller: Caller,
): Promise<BuildRow> {
  const build = await byClaim(tx, claim, caller)
  if (build?.state === 'running') return build
  throw lost(build)
}

/** In whatever state. */
export async function byClaim(
  tx: Transaction,
  claim: string,
  caller: Caller,
): Promise<BuildRow | undefined> {
  const [row] = await tx<BuildRow[]>`
    select ${buildColumns(tx)} from build
    where claim = ${claim} and builder = ${caller.name} for no key update`
  return row
}

/** Gives a claim its full time again, and answers when that ends. */
export async function renewClaim(tx: Transaction, build: string): Promise<Date | undefined> {
  const [row] = await tx<{ leaseTime: Date }[]>`
    update build set lease_time = now() + ${lease}::interval where name = ${build} returning lease_time`
  return row?.leaseTime
}

/** The last build of a recipe whose image can be used, and what it was made of. */
export async function formerBuild(
  sql: Sql,
  recipe: string,
): Promise<{ readonly image: string; readonly inputs: string | null } | undefined> {
  const [row] = await sql<{ image: string; inputs: string | null }[]>`
    select image.name as image, encode(inputs_digest, 'hex') as inputs
    from build join image on image.build = build.name
    where recipe = ${recipe} and build.state = 'done' and image.state in ('candidate', 'released')
      and image.storage = 'present'
    order by image.sequence desc limit 1`
  return row
}

export function lost(build: BuildRow | undefined): Failure {
  const why =
    build === undefined ? 'its lease ran out, or it was never given' : `the build is ${build.state}`
  return precondition('BUILD_LOST', `The claim does not hold: ${why}. End every process of it.`)
}
