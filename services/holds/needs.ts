import type { Need, NeedKind } from '../../lib/retention/world.ts'
import type { Sql } from '../db/open.ts'
import { active } from './queries.ts'

interface NeedRow {
  readonly image: string
  readonly kind: Exclude<NeedKind, 'hold' | 'descendant'>
  readonly name: string
  readonly message: string
}

/** What needs an image beside its holds: what points at it or wants it, and what was made of it and is needed. */
export async function otherNeeds(sql: Sql, image: string, now: Date): Promise<readonly Need[]> {
  const descendants = await liveDescendants(sql, image)
  const rows = await readNeeds(sql, [image, ...descendants], now)
  const held = await heldOf(sql, descendants, now)
  const needed = new Set([...held, ...rows.map((row) => row.image)])
  return [
    ...rows
      .filter((row) => row.image === image)
      .map(({ kind, name, message }) => ({ kind, name, message, until: undefined })),
    ...descendants
      .filter((name) => needed.has(name))
      .map((name) => {
        const message = `${name}, which was made of it, is needed`
        return { kind: 'descendant' as const, name, message, until: undefined }
      }),
  ]
}

/** A facility that has used an image, and when it did last. */
export interface UseRow {
  readonly facility: string
  readonly useTime: Date
}

export async function usesSince(sql: Sql, image: string, since: Date): Promise<UseRow[]> {
  return sql<UseRow[]>`
    select facility, use_time from replica where image = ${image} and use_time > ${since}
    order by facility`
}

async function liveDescendants(sql: Sql, name: string): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    with recursive descendant as (
      select one.name, one.sequence from image as one where one.parent = ${name} and storage <> 'expired'
      union
      select one.name, one.sequence from descendant join image as one on one.parent = descendant.name
      where storage <> 'expired')
    select name from descendant order by sequence desc`
  return rows.map((row) => row.name)
}

async function heldOf(sql: Sql, names: readonly string[], now: Date): Promise<readonly string[]> {
  if (names.length === 0) return []
  const rows = await sql<{ name: string }[]>`
    select name from unnest(${names as string[]}::text[]) as one (name)
    where exists (select from hold where hold.image = one.name and ${active(sql, now)})`
  return rows.map(({ name }) => name)
}

async function readNeeds(sql: Sql, names: readonly string[], now: Date): Promise<NeedRow[]> {
  const asked = sql`any(${names as string[]})`
  return sql<NeedRow[]>`
    select image, 'alias' as kind, name, 'the alias ' || name || ' points at it' as message
    from alias where image = ${asked}
    union all
    select before.image, 'alias', name, 'the alias ' || name || ' pointed at it before, and goes back there if it is rolled back'
    from alias cross join lateral (
      select move.image from alias_move as move where move.alias = alias.name and move.image <> alias.image
      order by version desc limit 1) as before
    where name in (select alias from alias_move where image = ${asked}) and before.image = ${asked}
    union all
    select image, 'facility', wanted.facility, wanted.facility || ' should have it'
    from wanted join image on image.name = wanted.image
    where image = ${asked} and not (custom and image.facility = wanted.facility)
    union all
    select image, 'transfer', facility, facility || ' fetches it'
    from replica where image = ${asked} and state = 2
    union all
    select image, 'transfer', kind, case kind when 'archive' then 'its bytes are on their way to the archive'
      else 'its bytes are on their way back from the archive' end
    from move where image = ${asked}
    union all
    select name, 'line', ${line(sql)}, 'it is the newest released image of ' || ${line(sql)}
    from image where name = ${asked} and ${current(sql)} and not (custom and expire_time <= ${now})
      and not exists (
        select from image as other where facility is null and other.facility is null and ${newer(sql)})
      and not exists (
        select from image as other where other.facility = image.facility and ${newer(sql)})`
}

const line = (sql: Sql) => sql`
  (coalesce(facility || '/', '') || distro || '-' || release || '-' || role || '-' || arch)`

/** Of an image that can be the newest of its line. */
const current = (sql: Sql) =>
  sql`image.state = 'released' and not image.held_back and image.storage <> 'expired'`

/** Of another image of its line that comes after it. */
const newer = (sql: Sql) => sql`
  other.distro = image.distro and other.release = image.release and other.role = image.role
  and other.arch = image.arch and other.state = 'released' and not other.held_back and other.storage <> 'expired'
  and (other.point, other.day, other.serial) > (image.point, image.day, image.serial)`
