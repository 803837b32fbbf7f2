import { makeBell } from '../../lib/bell.ts'
import type { Sql, Transaction } from './open.ts'

/** Wakes those who wait for the database to change. */
export interface Changes extends AsyncDisposable {
  /** Resolves at the next change, after some seconds at the latest, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>
}

const channel = 'merge_image'
/** A notification can be lost, so nobody waits longer than this. */
const pollMs = 15_000

/** Says, when the transaction commits, that what facilities should hold may have changed. */
export async function announce(tx: Sql | Transaction): Promise<void> {
  await tx`select pg_notify(${channel}, '')`
}

/** Listens for the announcements of every portal on this database. */
export async function listenForChanges(sql: Sql): Promise<Changes> {
  const bell = makeBell()
  const listener = await sql.listen(channel, () => {
    bell.ring()
  })
  return {
    next: (signal) => bell.next(pollMs, signal),
    async [Symbol.asyncDispose]() {
      await listener.unlisten()
    },
  }
}
