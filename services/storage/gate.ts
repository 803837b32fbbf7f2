import type { Sql, Transaction } from '../db/open.ts'

/** Any number that no other advisory lock has. */
const gate = 7_021_405_814

/**
 * Under READ COMMITTED a statement does not see what a concurrent transaction is about to say. So whoever says that it needs chunks,
 * or records a pack, enters with others, and whoever takes something away enters alone, for one short transaction at a time.
 * Its first statement waits; those after it see everything that was said.
 */
export async function enterWithOthers(tx: Transaction): Promise<void> {
  await tx`select pg_advisory_xact_lock_shared(${gate})`
}

export function alone<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${gate})`
    return work(tx)
  }) as Promise<T>
}
