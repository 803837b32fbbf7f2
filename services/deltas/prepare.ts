import type { Logger } from 'pino'
import { decodeTime } from 'ulid'
import { isOver } from '../../lib/chunks/abort.ts'
import type { BlobStore } from '../../lib/chunks/blobs.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { ChunkSource } from '../../lib/chunks/source.ts'
import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import type { DeltaRun } from '../../lib/deltas/deltas.ts'
import { makeDeltas } from '../../lib/deltas/make.ts'
import type { Pool } from '../../lib/workers/pool.ts'
import type { FetchDeltasResponse } from '../../proto/gen/merge/image/v1/delta.ts'
import type { Sql } from '../db/open.ts'
import { readManifest } from '../uploads/manifests.ts'
import { deltaKeys, nextImage, passImage, recordDeltas, type NextImage } from './queries.ts'
import { keepStored } from './stored.ts'

export interface PrepareDeps {
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly source: Pick<ChunkSource, 'fetch'>
  readonly pool: Pool
  readonly newUlid: () => string
  readonly now: () => Date
  readonly log: Logger
}

const folder = 'deltas/'
const pollMs = 1000
const retryMs = 15_000
const graceMs = 24 * 60 * 60 * 1000

/** Prepares the deltas of each new image against the build before it, one image after another, for ever. */
export async function keepPreparing(deps: PrepareDeps, signal: AbortSignal): Promise<void> {
  const { sql, log } = deps
  await sweep(deps).catch((error: unknown) => {
    log.warn({ err: error }, 'unrecorded deltas were not looked for')
  })
  while (!signal.aborted) {
    try {
      const image = await nextImage(sql)
      if (image === undefined) await sleep(pollMs, signal)
      else await prepareNext(image, deps, signal)
    } catch (error) {
      if (isOver(signal)) return
      log.warn({ err: error }, 'deltas could not be prepared')
      await sleep(retryMs, signal).catch(() => undefined)
    }
  }
}

/** An image whose deltas cannot be made has none: they only ever save bytes. */
async function prepareNext(
  image: NextImage,
  deps: PrepareDeps,
  signal: AbortSignal,
): Promise<void> {
  const { name, base, target } = image
  if (base !== undefined) {
    try {
      const sizeBytes = await prepareDeltas({ base, target }, deps, signal)
      deps.log.info({ image: name, bytes: sizeBytes }, 'deltas prepared')
    } catch (error) {
      signal.throwIfAborted()
      deps.log.warn({ image: name, err: error }, 'no deltas for this image')
    }
  }
  await passImage(deps.sql, name)
}

/** Makes the deltas of one image against another, and the objects that keep them; their size. */
export async function prepareDeltas(
  pair: Required<Pick<NextImage, 'target'>> & { readonly base: NextImage['target'] },
  { sql, blobs, source, pool, newUlid }: PrepareDeps,
  signal: AbortSignal,
): Promise<number> {
  const [base, target] = await Promise.all([
    readManifest(sql, pair.base),
    readManifest(sql, pair.target),
  ])
  const runs = makeDeltas(decodeManifest(base), decodeManifest(target), { source, pool }, signal)
  const newKey = () => `${folder}${newUlid()}`
  const objects = await keepStored(messagesOf(runs, pair.base), { blobs, newKey }, signal)
  if (objects.length === 0) return 0
  if (!(await recordDeltas(sql, pair, objects))) {
    for (const { key } of objects) await blobs.delete(key)
  }
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

async function* messagesOf(
  runs: AsyncIterable<DeltaRun>,
  base: Digest,
): AsyncGenerator<FetchDeltasResponse, void, undefined> {
  for await (const { deltas, payload } of runs) {
    const { buffer, byteOffset, length } = payload
    const bytes = Buffer.from(buffer, byteOffset, length)
    yield { base: joinDigests([base]), deltas: [...deltas], payload: bytes }
  }
}

/** A crash can leave objects that nobody knows of; a young one may be another portal's, at work. */
async function sweep({ sql, blobs, now }: PrepareDeps): Promise<void> {
  const old = now().getTime() - graceMs
  const found: string[] = []
  for await (const { key } of blobs.list(folder)) {
    if (decodeTime(key.slice(folder.length)) < old) found.push(key)
  }
  const known = await deltaKeys(sql)
  for (const key of found) if (!known.has(key)) await blobs.delete(key)
}
