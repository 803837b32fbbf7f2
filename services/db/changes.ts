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
  const news = await listenOn(sql, channel)
  return {
    next: (signal) => news.next(pollMs, signal),
    [Symbol.asyncDispose]: () => news[Symbol.asyncDispose](),
  }
}

const buildChannel = 'merge_image_builds'

/** Wakes those who wait for builds: to claim one, or to hear how one goes. */
export interface BuildNews extends AsyncDisposable {
  /** Resolves at the next news, after so many milliseconds at the latest, or when the signal aborts. */
  next(withinMs: number, signal: AbortSignal): Promise<void>
}

/** Says, when the transaction commits, that there is a build to claim, or that one went on. */
export async function announceBuild(tx: Sql | Transaction): Promise<void> {
  await tx`select pg_notify(${buildChannel}, '')`
}

export function listenForBuilds(sql: Sql): Promise<BuildNews> {
  return listenOn(sql, buildChannel)
}

async function listenOn(sql: Sql, name: string): Promise<BuildNews> {
  const bell = makeBell()
  const listener = await sql.listen(name, () => {
    bell.ring()
  })
  return {
    next: (withinMs, signal) => bell.next(withinMs, signal),
    async [Symbol.asyncDispose]() {
      await listener.unlisten()
    },
  }
}
