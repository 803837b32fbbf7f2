import { precondition, type Failure } from '../../lib/failure.ts'
import { renderImageName } from '../../lib/names/name.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import { parseRecipe } from '../../lib/recipes/parse.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { announceBuild } from '../db/changes.ts'
import { loseBuilder } from '../builds/ending.ts'
import { buildColumns, getBuild, type BuildRow } from '../builds/queries.ts'
import { nextSerial } from '../images/queries.ts'
import { findRecipe } from '../recipes/queries.ts'

/** How long a claim holds without a sign of life. */
const lease = '60 seconds'

/** Who wants work, and what it can do. */
export interface Worker {
  readonly claim: string
  readonly caller: Caller
  /** Undefined for the portal's own. */
  readonly facility: string | undefined
  readonly worker: string
  readonly holding: readonly string[]
  readonly kinds: readonly number[]
  readonly archs: readonly string[]
}

/** How many builds run at once. */
export interface Room {
  readonly everywhere: number
  readonly aFacility: number
}

/** Any number that no other advisory lock has. */
const claims = 7_021_405_815

/**
 * Gives the oldest build that waits and fits, or undefined. Claims are made one after another, so that the counts of what runs are
 * right; a row that somebody else has locked, to cancel it say, is passed by.
 */
export async function claimBuild(
  sql: Sql,
  worker: Worker,
  room: Room,
  day: string,
): Promise<BuildRow | undefined> {
  // By itself: it may lock recipes, which come after lines.
  await sql.begin((tx) => giveUp(tx, worker))
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${claims})`
    const before = await byClaim(tx, worker.claim, worker.caller)
    if (before !== undefined) return before.state === 'running' ? before : undefined
    if (!(await hasRoom(tx, worker, room))) return undefined
    const build = await oldestFitting(tx, worker)
    if (build === undefined) return undefined
    await reserveName(tx, build, day)
    await tx`
      update build set state = 'running', claim = ${worker.claim}, lease_time = now() + ${lease}::interval,
        builder = ${worker.caller.name}, worker = ${worker.worker}, attempt = attempt + 1, start_time = now()
      where name = ${build.name}`
    await announceBuild(tx)
    return getBuild(tx, build.name)
  })
}

/** What a worker claimed before and does not hold any more; it was killed, or it would. */
async function giveUp(tx: Transaction, { caller, worker, claim, holding }: Worker): Promise<void> {
  const lost = await tx<BuildRow[]>`
    select ${buildColumns(tx)} from build
    where state = 'running' and builder = ${caller.name} and worker = ${worker}
      and claim <> all (${[claim, ...holding]}::uuid[])
    order by name for no key update`
  for (const build of lost) await loseBuilder(tx, build)
}

async function hasRoom(
  tx: Transaction,
  { facility }: Worker,
  { everywhere, aFacility }: Room,
): Promise<boolean> {
  const [row] = await tx<{ all: number; here: number }[]>`
    select count(*)::int as all, count(*) filter (where facility = ${facility ?? null})::int as here
    from build where state = 'running'`
  return (row?.all ?? 0) < everywhere && (row?.here ?? 0) < aFacility
}

async function oldestFitting(tx: Transaction, worker: Worker): Promise<BuildRow | undefined> {
  const { facility = null, kinds, archs } = worker
  const [row] = await tx<BuildRow[]>`
    select ${buildColumns(tx)} from build
    where state = 'queued' and facility is not distinct from ${facility}
      and kind = any (${kinds as number[]}::smallint[]) and arch = any (${archs as string[]}::text[])
    order by create_time, name limit 1 for no key update skip locked`
  return row
}

/** The name that the image will have, as it has it inside: kept for the build over all its attempts. */
async function reserveName(tx: Transaction, build: BuildRow, day: string): Promise<void> {
  if (build.image !== null || build.recipe === null) return
  const recipe = await findRecipe(tx, build.recipe, build.recipeVersion ?? 0)
  const { line, point } = parseRecipe(recipe?.text ?? '')
  const name = {
    ...line,
    point,
    build: { day, serial: await nextSerial(tx, { ...line, point }, day) },
  }
  await tx`
    update build set image = ${renderImageName(name)}, day = ${day}, serial = ${name.build.serial}
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
