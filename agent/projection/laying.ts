import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Usage } from '../usage.ts'
import type { Wanted } from './plan.ts'
import type { Shelf } from './shelf.ts'
import type { LaidRow, ProjectionTable } from './table.ts'

export interface LayingDeps {
  readonly shelf: Shelf
  readonly table: ProjectionTable
  readonly usage: Pick<Usage, 'pin' | 'wrote'>
  /** Writes a file of an image, whole and verified, to a path. */
  readonly make: (wanted: Wanted, path: string, signal: AbortSignal) => Promise<void>
  readonly now: () => Date
  readonly newUuid: () => string
  readonly log: Logger
}

/** Lays a file of an image out, and remembers that it lies there. */
export async function layOut(wanted: Wanted, deps: LayingDeps, signal: AbortSignal): Promise<void> {
  const { shelf, table, usage, now, log } = deps
  const { key, name, image } = wanted
  using _pin = usage.pin(image)
  const token = (await copied(wanted, deps, signal)) ?? (await made(wanted, deps, signal))
  table.put({ ...rowOf(wanted, now()), token })
  log.info({ key, image, place: shelf.place }, 'image laid out')
  const path = shelf.pathOf(key)
  if (name === image && path !== undefined) await usage.wrote(image, path)
}

export async function takeAway(
  key: string,
  { shelf, table, log }: LayingDeps,
  signal: AbortSignal,
): Promise<void> {
  await shelf.remove(key, signal)
  table.forget(key)
  log.info({ key, place: shelf.place }, 'image not laid out any more')
}

/** What somebody took away or replaced is not laid out any more. */
export async function forgetMissing(
  { shelf, table }: LayingDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const { key, token } of table.laid()) {
    if ((await shelf.look(key, signal)) !== token) table.forget(key)
  }
}

/** From where the same bytes lie already. */
async function copied(
  wanted: Wanted,
  { shelf, table, now }: LayingDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { key, content } = wanted
  const same = table.laid().find((row) => row.content === content && row.key !== key)
  if (same === undefined || (await shelf.look(same.key, signal)) !== same.token) return undefined
  table.intend(rowOf(wanted, now()))
  return shelf.copy(same.key, key, signal)
}

async function made(
  wanted: Wanted,
  { shelf, table, make, now, newUuid }: LayingDeps,
  signal: AbortSignal,
): Promise<string> {
  const staged = join(shelf.staging, newUuid())
  try {
    await make(wanted, staged, signal)
    table.intend(rowOf(wanted, now()))
    return await shelf.put(staged, wanted.key, signal)
  } finally {
    await shelf.discard(staged)
  }
}

function rowOf({ key, name, image, content }: Wanted, time: Date): Omit<LaidRow, 'token'> {
  return { key, name, image, content, time }
}
