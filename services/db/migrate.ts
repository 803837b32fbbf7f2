import { readFile, readdir } from 'node:fs/promises'
import type { Sql } from './open.ts'

const folder = new URL('./migrations/', import.meta.url)
/** Any number that no other program on the database uses as an advisory lock. */
const lock = 7_021_405_813

/** Applies the migrations that the database has not seen, in order, each once, however many portals start at a time. */
export async function migrate(sql: Sql): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${lock})`
    await tx`create table if not exists migration (name text primary key, time timestamptz not null default now())`
    const seen = new Set((await tx`select name from migration`).map((row) => row['name'] as string))
    const fresh = files.filter((file) => !seen.has(file))
    for (const file of fresh) {
      await tx.unsafe(await readFile(new URL(file, folder), 'utf8'))
      await tx`insert into migration (name) values (${file})`
    }
    return fresh
  })
}
