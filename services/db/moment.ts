import type { Sql, Transaction } from './open.ts'

/**
 * Reads as of one moment: what is written meanwhile is not seen, or seen whole. postgres.js keeps what a transaction returned until the
 * connection's next one, which may be late and is as large as all images: so it is handed over in a box that is left empty.
 */
export async function atOneMoment<T>(sql: Sql, read: (tx: Transaction) => Promise<T>): Promise<T> {
  const mode = 'isolation level repeatable read read only'
  const box = await sql.begin(mode, async (tx) => ({ found: [await read(tx)] }))
  const [found] = box.found.splice(0)
  return found as T
}
