import type { BlobStore } from '../../lib/chunks/blobs.ts'
import type { Limit } from '../../lib/chunks/limit.ts'
import { digestBytes, splitDigests, type Digest } from '../../lib/content/digest.ts'
import { invalid } from '../../lib/failure.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { Delta } from '../../proto/gen/merge/image/v1/delta.ts'
import type { Sql } from '../db/open.ts'
import type { deltaPlane } from './plane.ts'
import { findDeltas } from './queries.ts'
import { readStored } from './stored.ts'

const mostBases = 64

export function deltaService({
  sql,
  blobs,
  limit,
}: {
  readonly sql: Sql
  readonly blobs: Pick<BlobStore, 'range'>
  /** How fast they may be sent, to all callers together. */
  readonly limit?: Limit
}): Service<typeof deltaPlane, [call: Call]> {
  return {
    async *fetchDeltas({ target, bases, wanted }, { signal }) {
      const [image, ...more] = splitDigests(target)
      if (image === undefined || more.length > 0) {
        throw wrong('target', `target is the digest of one manifest: ${digestBytes} bytes.`)
      }
      for (const object of await findDeltas(sql, image, parseBases(bases))) {
        for await (const { deltas, bytes } of readStored(blobs, object, signal)) {
          if (!deltas.some((delta) => isWanted(delta, wanted))) continue
          await limit?.take(bytes.length, signal)
          yield bytes
        }
      }
    },
  }
}

function parseBases(bytes: Uint8Array): Digest[] {
  const bases = splitDigests(bytes)
  if (bases.length <= mostBases) return bases
  throw wrong('bases', `bases are ${bases.length} digests, more than ${mostBases}.`)
}

/** Whether the bitmap has one of the delta's chunks; an empty one has all. */
function isWanted({ first, count }: Delta, wanted: Uint8Array): boolean {
  if (wanted.length === 0) return true
  for (let at = first; at < first + count; at++) {
    if (((wanted[at >> 3] ?? 0) & (1 << (at & 7))) !== 0) return true
  }
  return false
}

function wrong(field: string, message: string): Error {
  return invalid('INVALID_FIELD', message, { field })
}
