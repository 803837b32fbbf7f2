import { inStore, lockManifest, tie, type Stored } from '../archive/ties.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { precondition, type Failure } from '../../lib/failure.ts'
import type { Transaction } from '../db/open.ts'
import { readManifest } from '../uploads/manifests.ts'
import { setStorage, storedBefore, type Change } from './queries.ts'
import type { Subject } from './standing.ts'
import { tellOf } from './telling.ts'

/**
 * Brings an expired image back to where it was, as long as all of its chunks are there or can be brought back. Where they are not,
 * but somebody has published the same content since, it has its bytes from that.
 */
export async function undelete(
  tx: Transaction,
  { name, image, custom }: Subject,
  by: Change,
): Promise<void> {
  if (custom) throw gone(name, 'its bytes were at its facility, which was told to let them go')
  const { id, digest } = await lockManifest(tx, name)
  const digests = chunkDigests(decodeManifest(await readManifest(tx, digest)))
  const before = await storedBefore(tx, name)
  for (const storage of [before, other[before]]) {
    const lacking = await inStore(tx, storage, () => tie(tx, id, digests))
    if (lacking.length > 0) continue
    await setStorage(tx, name, storage, by)
    await tellOf(tx, image)
    return
  }
  throw gone(name, 'its bytes are gone for good')
}

const other = { present: 'archived', archived: 'present' } as const satisfies Record<Stored, Stored>

function gone(name: string, why: string): Failure {
  const text = `${name} has expired, and ${why}: publish or import the same content again, and then restore it; its digest says whether it is the same.`
  return precondition('EXPIRED', text, { name })
}
