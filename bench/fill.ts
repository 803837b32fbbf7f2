import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { renderImageName } from '../lib/names/name.ts'
import type { BenchWorld } from './world.ts'

/** The PostgreSQL of a portal of the testbed. */
export async function databaseOf(folder: string): Promise<string> {
  const dir = join(folder, 'portal/postgres')
  const password = await readFile(`${dir}.password`, 'utf8')
  const [, , , port = ''] = (await readFile(join(dir, 'postmaster.pid'), 'utf8')).split('\n')
  return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`
}

/** How many transactions a database has had. */
export async function transactionsOf(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 })
  const [row] = await sql<{ count: string }[]>`
    select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()`
  await sql.end()
  return Number(row?.count)
}

const rowsAtOnce = 5000

/** Writes a world into a portal's database, as one change. */
export async function fill(url: string, world: BenchWorld): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  await sql.begin(async (tx) => {
    const [row] = await tx<{ generation: string }[]>`
      update names set generation = generation + 1 returning generation`
    const generation = row?.generation ?? '0'
    await tx`insert into facility ${tx(world.facilities.map((name) => ({ name })))}`
    for (let i = 0; i < world.images.length; i += rowsAtOnce) {
      await addImages(tx, world.images.slice(i, i + rowsAtOnce), generation)
    }
    for (let i = 0; i < world.aliases.length; i += rowsAtOnce) {
      await addAliases(tx, world.aliases.slice(i, i + rowsAtOnce), generation)
    }
  })
  await sql`analyze`
  await sql.end()
}

/** Writes holds into a portal's database, the oldest first. */
export async function fillHolds(
  url: string,
  images: readonly string[],
  {
    count,
    perLink,
    service,
  }: { readonly count: number; readonly perLink: number; readonly service: string },
): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  await sql`
    insert into hold (id, image, kind, owner, reason, link, create_time, expire_time, release_time)
    select '01' || lpad(i::text, 24, '0'),
      (${images as string[]}::text[])[1 + case when i % 2 = 0 then (i * 7919) % (${images.length}::int / 100)
        else (i * 104729) % ${images.length}::int end],
      case when i % 10 < 8 then 'materialization' when i % 10 = 8 then 'person' else 'artifact' end,
      case when i % 10 < 8 then ${service} else 'experimenter:u' || i % 1000 end,
      'bench', 'mtz/' || i / ${perLink}::int, now() - interval '1 year',
      case when i % 10 = 8 then now() - interval '1 day' end,
      case when i % 10 < 7 then now() end
    from generate_series(1, ${count}::bigint) as i`
  await sql`vacuum analyze hold`
  await sql.end()
}

async function addImages(
  tx: postgres.TransactionSql,
  images: BenchWorld['images'],
  generation: string,
): Promise<void> {
  const digests = images.map(({ digest }) => digest)
  await tx`
    with made as (
      insert into manifest (digest, body, chunk_count, chunk_bytes, stored_bytes)
      select decode(hex, 'hex'), '', 1000, 64000000, 20000000 from unnest(${digests}::text[]) as hex
      returning id)
    insert into artifact (manifest, kind, boot, media_type, size_bytes, data_bytes, sha256)
    select id, 1, 0, 'application/octet-stream', 2000000000, 64000000, decode(repeat('5a', 32), 'hex')
    from made`
  const rows = images.map(({ name, digest, state, heldBack }) => ({
    ...{ name: renderImageName(name), digest, state, held_back: heldBack },
    ...{ facility: name.namespace === '' ? null : name.namespace, point: name.point },
    ...{ distro: name.distro, release: name.release, role: name.role, arch: name.arch },
    ...{ day: name.build.day, serial: name.build.serial },
  }))
  await tx`
    insert into image (name, facility, distro, release, point, role, arch, day, serial, manifest,
      state, held_back, creator, generation)
    select one.name, facility, distro, release, point, role, arch, day, serial, manifest.id, state,
      held_back, 'bench', ${generation}
    from jsonb_to_recordset(${tx.json(rows)}) as one(name text, digest text, state text,
      held_back boolean, facility text, point int, distro text, release text, role text, arch text,
      day text, serial int)
    join manifest on manifest.digest = decode(one.digest, 'hex')`
  await tx`
    insert into image_change (image, version, state, storage, held_back, actor)
    select name, 1, state, storage, held_back, creator from image
    where name = any(${rows.map(({ name }) => name)})`
}

async function addAliases(
  tx: postgres.TransactionSql,
  aliases: BenchWorld['aliases'],
  generation: string,
): Promise<void> {
  const names = aliases.map(([alias]) => alias)
  const targets = aliases.map(([, image]) => image)
  await tx`
    insert into alias (name, facility, image, actor, generation)
    select alias, nullif(regexp_replace(alias, '/?[^/]*$', ''), ''), target, 'bench', ${generation}
    from unnest(${names}::text[], ${targets}::text[]) as given (alias, target)`
  await tx`
    insert into alias_move (alias, version, image, actor, reason)
    select name, version, image, actor, '' from alias where name = any(${names})`
}

/** How much retention has to look at. */
export interface RetentionWorld {
  readonly holds: number
  readonly policies: number
  /** That each image's manifest names; four fifths of them are shared with its neighbours. */
  readonly chunks: number
}

/** Adds holds on a third of the images, a policy for each of so many lines, ages, uses and chunks. */
export async function fillRetention(
  url: string,
  { holds, policies, chunks }: RetentionWorld,
): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  await sql.begin(async (tx) => {
    // What is written here is right by itself: checking each reference would take minutes.
    await tx`set local session_replication_role = replica`
    await tx`update image set create_time = to_timestamp(day, 'YYYYMMDD')`
    await tx`create temporary table numbered on commit drop as
      select name, manifest, facility, distro, release, role, arch, row_number() over (
        order by facility, distro, release, role, arch, point, day) - 1 as n from image`
    await tx`create unique index on numbered (n)`
    await tx`analyze numbered`
    await tx`
      insert into hold (id, image, kind, owner, reason, link, expire_time)
      select 'hold' || i, name, 'person', 'user' || i % 500, 'a course that goes on for a while', '',
        case when i % 10 > 0 then now() + i % 400 * interval '1 day' - interval '100 days' end
      from generate_series(1, ${holds}::int) as i
      join numbered on n = i::bigint * 7919 % 33000 * 3`
    await tx`
      insert into policy (name, pattern, keep_newest, keep_monthly, keep_quarterly, minimum_age_days, used_days,
        archive_after_days, expire_after_days, cap_bytes, archive_held, cron, zone, brake_percent, notes, author)
      select 'p' || row_number() over (), coalesce(facility || '/', '') || concat_ws('-', distro, release, role, arch),
        3, 12, 8, 30, 90, 90, 730, 0, false, '', 'UTC', 20, '', 'bench'
      from (select distinct facility, distro, release, role, arch from numbered limit ${policies}) as line`
    await tx`
      insert into replica (facility, image, state, total_bytes, peer_bytes, portal_bytes, error)
      select 'lab1', name, 3, 0, 0, 0, '' from numbered where n % 10 = 0`
    await tx`
      insert into image_use (facility, image, time)
      select 'lab1', name, now() - n % 1000 * interval '1 day' from numbered where n % 10 = 0`
    await addChunks(tx, chunks)
  })
  await sql`analyze`
  await sql.end()
}

async function addChunks(tx: postgres.TransactionSql, chunks: number): Promise<void> {
  await tx`create temporary table named on commit drop as
    select manifest, case when k % 5 = 0 then n * ${chunks}::bigint + k else -(n / 20 * ${chunks}::bigint + k) end as c
    from numbered, generate_series(0, ${chunks - 1}::int) as k`
  await tx`analyze named`
  const [pack] = await tx<{ id: string }[]>`
    insert into pack (key, size_bytes) values ('bench', 1) returning id`
  await tx`
    insert into chunk (digest, pack, position, stored_bytes, raw_bytes, codec)
    select sha256(c::text::bytea), ${pack?.id ?? ''}, 0, 20000, 64000, 1
    from (select distinct c from named) as one`
  await tx`analyze chunk`
  await tx`
    insert into manifest_chunk (manifest, chunk)
    select manifest, id from named join chunk on digest = sha256(c::text::bytea)`
}
