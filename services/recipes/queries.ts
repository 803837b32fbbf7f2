import type { Digest } from '../../lib/content/digest.ts'
import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'

/** A recipe as it stands, with one of its versions. */
export interface RecipeRow {
  readonly name: string
  readonly version: number
  readonly text: string
  readonly digest: Digest
  readonly target: string
  readonly kind: number
  readonly creator: string
  readonly createTime: Date
  readonly cron: string
  readonly zone: string
  readonly nextTime: Date | null
  readonly failures: number
  readonly paused: string
  readonly deleteTime: Date | null
  readonly revision: number
}

const columns = (sql: Sql | Transaction, text = sql`recipe_version.text`) => sql`
  recipe.name, recipe_version.version, ${text} as text, encode(digest, 'hex') as digest, target, kind, creator,
  create_time, cron, zone, next_time, failures, paused, delete_time, revision`

/** In this version, or the newest for 0; undefined if there is none. */
export async function findRecipe(
  sql: Sql | Transaction,
  name: string,
  version = 0,
): Promise<RecipeRow | undefined> {
  const [row] = await sql<RecipeRow[]>`
    select ${columns(sql)} from recipe join recipe_version
      on recipe_version.recipe = recipe.name
      and recipe_version.version = coalesce(nullif(${version}::int, 0), recipe.version)
    where recipe.name = ${name}`
  return row
}

/** Those of a namespace that are not deleted, without their texts. */
export async function listRecipes(sql: Sql, namespace: string, page: Page): Promise<RecipeRow[]> {
  return sql<RecipeRow[]>`
    select ${columns(sql, sql`''`)} from recipe join recipe_version
      on recipe_version.recipe = recipe.name and recipe_version.version = recipe.version
    where coalesce(facility, '') = ${namespace} and delete_time is null and recipe.name > ${page.after}
    order by recipe.name limit ${page.size + 1}`
}

/** Locks a recipe until the transaction ends, and makes it, without a version, if it is not there. */
export async function lockOrInsertRecipe(
  tx: Transaction,
  name: string,
  namespace: string,
): Promise<void> {
  await tx`
    insert into recipe (name, facility, version)
    values (${name}, ${namespace === '' ? null : namespace}, 0) on conflict do nothing`
  await lockRecipe(tx, name)
}

export async function lockRecipe(tx: Transaction, name: string): Promise<void> {
  await tx`select from recipe where name = ${name} for update`
}

export async function insertVersion(
  tx: Transaction,
  version: Pick<
    RecipeRow,
    'name' | 'text' | 'digest' | 'target' | 'kind' | 'cron' | 'zone' | 'creator'
  >,
  nextTime: Date | undefined,
): Promise<void> {
  const { name, text, digest, target, kind, cron, zone, creator } = version
  await tx`
    update recipe set version = version + 1, next_time = ${nextTime ?? null}, failures = 0, paused = '',
      delete_time = null, revision = revision + 1
    where name = ${name}`
  await tx`
    insert into recipe_version (recipe, version, text, digest, target, kind, cron, zone, creator)
    select name, version, ${text}, decode(${digest}, 'hex'), ${target}, ${kind}, ${cron}, ${zone}, ${creator}
    from recipe where name = ${name}`
}

export async function deleteRecipe(tx: Transaction, name: string): Promise<void> {
  await tx`
    update recipe set delete_time = now(), next_time = null, revision = revision + 1
    where name = ${name} and delete_time is null`
}

/** Holds the schedule until somebody resumes it, or puts a new version; false if there is none to hold. */
export async function pauseRecipe(tx: Transaction, name: string, why: string): Promise<boolean> {
  const held = await tx`
    update recipe set paused = ${why}, next_time = null, revision = revision + 1
    where name = ${name} and next_time is not null`
  return held.count > 0
}

export async function resumeRecipe(
  tx: Transaction,
  name: string,
  nextTime: Date | undefined,
): Promise<void> {
  await tx`
    update recipe set paused = '', failures = 0, next_time = ${nextTime ?? null}, revision = revision + 1
    where name = ${name}`
}

/** Keeps a version for a build that is to be queued; false if it has gone meanwhile. */
export async function holdVersion(
  tx: Transaction,
  { name, version }: Pick<RecipeRow, 'name' | 'version'>,
): Promise<boolean> {
  const found = await tx`
    select from recipe_version where recipe = ${name} and version = ${version} for key share`
  return found.length > 0
}

/** Lets go of the versions of a locked recipe before so many of the newest, but of none that a build is of. */
export async function forgetVersions(tx: Transaction, name: string, newest: number): Promise<void> {
  const unbuilt = tx`not exists (
    select from build where build.recipe = old.recipe and build.recipe_version = old.version)`
  const found = await tx<{ version: number }[]>`
    select version from recipe_version as old
    where recipe = ${name} and ${unbuilt}
      and version <= (select version from recipe where recipe.name = old.recipe) - ${newest}
    for update skip locked`
  // Once more, as a build of one can have been queued before the row was locked; none can be from here on.
  await tx`
    delete from recipe_version as old
    where recipe = ${name} and version = any (${found.map(({ version }) => version)}::int[]) and ${unbuilt}`
}

/** What the recipes of a facility take in all their versions, each counted as 1 KiB at least. */
export async function textBytes(tx: Transaction, facility: string): Promise<number> {
  const [row] = await tx<{ bytes: number }[]>`
    select coalesce(sum(greatest(octet_length(text), 1024)), 0)::float8 as bytes
    from recipe join recipe_version on recipe_version.recipe = recipe.name
    where facility = ${facility}`
  return row?.bytes ?? 0
}
