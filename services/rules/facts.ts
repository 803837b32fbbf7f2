import type { Selector } from '../../lib/labels.ts'
import type { Line } from '../../lib/names/name.ts'
import type { Facts } from '../../lib/rules/judge.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { fitsLabels } from '../images/labels.ts'
import { active } from '../holds/queries.ts'
import type { Written } from './rule.ts'

/** An image that a rule may select, with what decides about it. */
export interface Candidate extends Facts {
  readonly image: string
  /** Whether it can be fetched by whoever names it, released or not. */
  readonly reachable: boolean
}

interface Row extends Omit<Candidate, 'line'>, Line {}

/**
 * All images that one of the rules may select: as many of each line as the most that one takes, or all where one counts those with its
 * labels only; what aliases point to, what is held.
 */
export async function readCandidates(
  sql: Sql,
  rules: readonly Pick<Written, 'newest' | 'labels'>[],
  now: Date,
): Promise<Candidate[]> {
  const isAny = rules.some(({ newest, labels }) => newest > 0 && labels.length > 0)
  const newest = Math.max(0, ...rules.map((rule) => rule.newest))
  const rows = await sql<Row[]>`
    select ${facts(sql, now)} from (${ranked(sql)}) as ranked
    where ${isAny} or place <= ${newest}
      or exists (select from alias where alias.image = ranked.name)
      or exists (${holding(sql, now)})
    order by name`
  return rows.map(toCandidate)
}

/** What decides about one image, whatever it is, with its place among those that have the labels; undefined if there is none. */
export async function readFacts(
  sql: Sql,
  image: string,
  now: Date,
  labels: readonly Selector[] = [],
): Promise<Candidate | undefined> {
  const [row] = await sql<Row[]>`
    select ${facts(sql, now)} from (
      select ${ranking(sql)}, case when ${usable(sql)} and not held_back then 1 + (
        select count(*)::int from image as newer
        where newer.facility is not distinct from image.facility and newer.distro = image.distro
          and newer.release = image.release and newer.role = image.role and newer.arch = image.arch
          and (newer.point, newer.day, newer.serial) > (image.point, image.day, image.serial)
          and ${usable(sql)} and not newer.held_back and ${fitsLabels(sql, labels)}) end as place
      from image where name = ${image}) as ranked`
  return row && toCandidate(row)
}

/** What a facility may fetch, whoever wants it there. */
export const reachable = (sql: Sql | Transaction) =>
  sql`(state <> 'revoked' and storage = 'present' and (not custom or shared))`

const usable = (sql: Sql | Transaction) => sql`(state = 'released' and ${reachable(sql)})`

/** As names and aliases have it: by point, day and serial, and without what is held back. */
const place = (sql: Sql) => sql`
  case when not held_back then row_number() over (
    partition by facility, distro, release, role, arch, held_back order by point desc, day desc, serial desc)::int end`

const ranking = (sql: Sql) => sql`
  name, coalesce(facility, '') as namespace, distro, release, role, arch, case when custom then facility end as home,
  labels, held_back, ${usable(sql)} as usable, ${reachable(sql)} as reachable`

const ranked = (sql: Sql) =>
  sql`select ${ranking(sql)}, ${place(sql)} as place from image where ${usable(sql)}`

/** Materializations run on it, and artifacts are kept for the years in which they are asked for. */
const holding = (sql: Sql, now: Date) => sql`
  select from hold where hold.image = ranked.name and kind in ('materialization', 'artifact') and ${active(sql, now)}`

const facts = (sql: Sql, now: Date) => sql`
  name as image, namespace, distro, release, role, arch, home, labels, held_back, usable, reachable, place,
  coalesce((select array_agg(alias.name order by alias.name) from alias where alias.image = ranked.name), '{}') as aliases,
  exists (${holding(sql, now)}) as held`

function toCandidate(row: Row): Candidate {
  const { namespace, distro, release, role, arch, ...rest } = row
  return { ...rest, line: { namespace, distro, release, role, arch } }
}

/** Whether those that a rule chose are still so in the transaction, which keeps them so until it ends. */
export async function lockUsable(
  tx: Transaction,
  images: readonly string[],
): Promise<ReadonlySet<string>> {
  if (images.length === 0) return new Set()
  await tx`select from image where name = any (${images as string[]}) order by name for share`
  const rows = await tx<{ name: string }[]>`
    select name from image where name = any (${images as string[]}) and ${usable(tx)}`
  return new Set(rows.map(({ name }) => name))
}
