import { type DamageLog, noCounts, type ScrubCounts } from '../../lib/chunks/damage.ts'
import { joinDigests, splitDigests } from '../../lib/content/digest.ts'
import type { Sql } from '../db/open.ts'
import { unpacked } from './queries.ts'

/** What is known of damage in the portal's packs, in Postgres. */
export function damageIn(sql: Sql): DamageLog {
  return {
    async note(pack, digests) {
      if (digests.length === 0) return 0
      const noted = await sql`
        insert into damage (digest, pack)
        select chunk.digest, chunk.pack from ${unpacked(sql, joinDigests(digests))}
        join chunk on chunk.digest = asked.digest join pack on pack.id = chunk.pack
        where pack.key = ${pack} on conflict do nothing`
      return noted.count
    },
    async left() {
      const rows = await sql<{ digest: Buffer }[]>`
        select chunk.digest from damage
        join chunk on chunk.digest = damage.digest and chunk.pack = damage.pack
        order by chunk.pack, chunk.position`
      return splitDigests(Buffer.concat(rows.map(({ digest }) => digest)))
    },
    async packs() {
      const rows = await sql<{ key: string }[]>`
        select key from pack where id in (select pack from damage) order by key`
      return rows.map(({ key }) => key)
    },
    async place() {
      const [row] = await sql<PlaceRow[]>`
        select after, (extract(epoch from end_time) * 1000)::float8 as ended_at, so_far, last
        from scrub`
      return {
        after: row?.after ?? '',
        endedAt: row?.endedAt ?? 0,
        soFar: { ...noCounts, ...row?.soFar },
        last: row?.last ?? undefined,
      }
    },
    async keepPlace({ after, endedAt, soFar, last }) {
      await sql`
        insert into scrub (after, end_time, so_far, last)
        values (${after}, to_timestamp(${endedAt}::float8 / 1000), ${sql.json({ ...soFar })},
          ${last === undefined ? null : sql.json({ ...last })})
        on conflict (single) do update set after = excluded.after, end_time = excluded.end_time,
          so_far = excluded.so_far, last = excluded.last`
    },
  }
}

interface PlaceRow {
  after: string
  endedAt: number | null
  soFar: Partial<ScrubCounts>
  last: ScrubCounts | null
}
