import { missing, type Failure } from '../../lib/failure.ts'
import { shown } from '../../lib/names/name.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'
import type { PartRow } from '../sources/parts.ts'

export type BuildStateName = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'skipped'

export interface CheckRow {
  readonly kind: number
  readonly outcome: number
  readonly message: string
}

export interface BuildRow {
  readonly name: string
  readonly facility: string | null
  readonly recipe: string | null
  readonly recipeVersion: number | null
  readonly target: string
  readonly arch: string
  readonly kind: number
  readonly trigger: number
  readonly requester: string
  readonly reason: string
  readonly scheduleTime: Date | null
  readonly retryOf: string | null
  readonly force: boolean
  readonly requiredChecks: readonly number[]
  readonly releases: boolean
  readonly pauseAfter: number
  readonly logLimit: bigint
  readonly timeLimitMs: bigint
  readonly maxAttempts: number
  readonly state: BuildStateName
  readonly attempt: number
  readonly claim: string | null
  readonly leaseTime: Date | null
  readonly builder: string
  readonly canceller: string
  readonly step: string
  readonly doneCount: bigint
  readonly totalCount: bigint
  readonly failure: number
  readonly message: string
  readonly createTime: Date
  readonly startTime: Date | null
  readonly endTime: Date | null
  readonly image: string | null
  readonly day: string | null
  readonly serial: number | null
  readonly inputs: string | null
  readonly unchangedImage: string | null
  readonly link: string
  readonly logBytes: bigint
  readonly logSha256: string | null
  readonly logGoneTime: Date | null
  /** Since when its image is there. */
  readonly imageTime: Date | null
  readonly checks: readonly CheckRow[] | null
  /** What it imports. */
  readonly origin: OriginRow | null
}

/** What an import imports, as JSON has it. */
export interface OriginRow {
  readonly source: string
  readonly sourceVersion: number
  readonly item: string
  readonly itemVersion: string
  readonly sha256: string
  readonly url: string
  readonly parts: readonly PartRow[]
}

export const originOf = (sql: Sql | Transaction) => sql`(
  select json_build_object('source', source, 'sourceVersion', source_version, 'item', item, 'itemVersion', version,
    'sha256', sha256, 'url', url, 'parts', parts)
  from import where import.build = build.name)`

export const buildColumns = (sql: Sql | Transaction) => sql`
  build.name, facility, recipe, recipe_version, target, arch, build.kind, trigger, requester, reason, schedule_time,
  retry_of, force, required_checks, releases, pause_after, log_limit, time_limit_ms, max_attempts, state, attempt, claim::text,
  lease_time, builder, canceller, step, done_count, total_count, failure, build.message, create_time, start_time,
  end_time, image, day, serial, encode(inputs_digest, 'hex') as inputs, unchanged_image, link, log_bytes,
  encode(log_digest, 'hex') as log_sha256, log_gone_time,
  (select made.create_time from image as made where made.build = build.name) as image_time,
  (select json_agg(json_build_object('kind', one.kind, 'outcome', outcome, 'message', one.message) order by one.kind)
    from build_check as one where one.build = build.name) as checks,
  ${originOf(sql)} as origin`

/** The build, or BUILD_NOT_FOUND. */
export async function getBuild(sql: Sql | Transaction, name: string): Promise<BuildRow> {
  const [row] = await sql<BuildRow[]>`
    select ${buildColumns(sql)} from build where name = ${name}`
  return row ?? noBuild(name)
}

/** The same, locked until the transaction ends. */
export async function lockBuild(tx: Transaction, name: string): Promise<BuildRow> {
  const [row] = await tx<BuildRow[]>`
    select ${buildColumns(tx)} from build where name = ${name} for no key update`
  return row ?? noBuild(name)
}

export interface BuildFilter {
  readonly namespace: string
  readonly recipe: string
  readonly source: string
  readonly state: BuildStateName | ''
}

export async function listBuilds(sql: Sql, filter: BuildFilter, page: Page): Promise<BuildRow[]> {
  const { namespace, recipe, source, state } = filter
  return sql<BuildRow[]>`
    select ${buildColumns(sql)} from build
    where coalesce(facility, '') = ${namespace}
      and (${page.after} = '' or name < ${page.after})
      and (${recipe} = '' or recipe = ${recipe})
      and (${source} = '' or exists (
        select from import where import.build = build.name and import.source = ${source}))
      and (${state} = '' or state = ${state})
    order by name desc limit ${page.size + 1}`
}

/** What a new build is told. */
export type NewBuild = Pick<
  BuildRow,
  | 'name'
  | 'facility'
  | 'recipe'
  | 'recipeVersion'
  | 'target'
  | 'arch'
  | 'kind'
  | 'trigger'
  | 'requester'
  | 'reason'
  | 'scheduleTime'
  | 'retryOf'
  | 'force'
  | 'requiredChecks'
  | 'releases'
  | 'pauseAfter'
  | 'maxAttempts'
> & { readonly logLimit: number; readonly timeLimitMs: number }

/** Queues a build. */
export async function insertBuild(tx: Transaction, build: NewBuild): Promise<void> {
  const { name, facility, recipe, recipeVersion, target, arch, kind, trigger, requester } = build
  const { reason, scheduleTime, retryOf, force, requiredChecks, releases, pauseAfter } = build
  await tx`
    insert into build (name, facility, recipe, recipe_version, target, arch, kind, trigger, requester, reason,
      schedule_time, retry_of, force, required_checks, releases, pause_after, log_limit, time_limit_ms,
      max_attempts)
    values (${name}, ${facility}, ${recipe}, ${recipeVersion}, ${target}, ${arch}, ${kind}, ${trigger},
      ${requester}, ${reason}, ${scheduleTime}, ${retryOf}, ${force}, ${requiredChecks as number[]}::smallint[],
      ${releases}, ${pauseAfter}, ${build.logLimit}, ${build.timeLimitMs}, ${build.maxAttempts})`
}

export async function countQueued(tx: Transaction, facility: string | null): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count from build
    where state = 'queued' and facility is not distinct from ${facility}`
  return row?.count ?? 0
}

export async function keepChecks(
  tx: Transaction,
  build: string,
  checks: readonly CheckRow[],
): Promise<void> {
  await tx`
    insert into build_check (build, kind, outcome, message)
    select ${build}, told.* from unnest(
      ${checks.map(({ kind }) => kind)}::smallint[], ${checks.map(({ outcome }) => outcome)}::smallint[],
      ${checks.map(({ message }) => message)}::text[]) as told`
}

function noBuild(name: string): never {
  throw buildNotFound(name)
}

export function buildNotFound(name: string): Failure {
  const text = `There is no build "${shown(name)}"; "mrg-image list builds" shows those that there are.`
  return missing('BUILD_NOT_FOUND', text, { name })
}
