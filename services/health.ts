import type { Logger } from 'pino'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { Listening } from '../lib/rpc/server.ts'
import type { Sql } from './db/open.ts'

const healthMs = 5_000

/** Says NOT_SERVING while the database or the store cannot be reached. */
export function watchHealth(
  server: Listening,
  sql: Sql,
  blobs: BlobStore,
  log: Logger,
): Disposable {
  let healthy = true
  const look = async (): Promise<void> => {
    const fault = await Promise.all([sql`select 1`, blobs.stat('packs/none')]).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (healthy !== (fault === undefined)) log.warn({ err: fault }, 'health changed')
    healthy = fault === undefined
    server.setHealthy(healthy)
  }
  const timer = setInterval(() => void look(), healthMs)
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
    },
  }
}
