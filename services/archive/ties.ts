import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import { internal } from '../../lib/failure.ts'
import { absent, revive, tieChunks } from '../chunks/queries.ts'
import type { Transaction } from '../db/open.ts'
import { enterWithOthers } from '../storage/gate.ts'

// Manifests are tied to their chunks in the store where an image has its bytes: the portal's own, or the archive, whose tables
// have the same names in a schema of their own.

/** Where bytes are that are somewhere. */
export type Stored = 'present' | 'archived'

/** Does some work on the tables of one of the two stores. */
export async function inStore<T>(
  tx: Transaction,
  storage: Stored,
  work: () => Promise<T>,
): Promise<T> {
  if (storage === 'present') return work()
  await tx`set local search_path to archive, public`
  const done = await work()
  await tx`set local search_path to default`
  return done
}

/** Locks the manifest of an image: a commit of the same content holds it, or waits. */
export async function lockManifest(
  tx: Transaction,
  image: string,
): Promise<{ readonly id: bigint; readonly digest: Digest }> {
  const [row] = await tx<{ id: bigint; digest: Digest }[]>`
    select manifest.id, encode(manifest.digest, 'hex') as digest
    from image join manifest on manifest.id = image.manifest
    where image.name = ${image} for update of manifest`
  return row ?? never(image)
}

/**
 * Ties a manifest to its chunks, and brings back those that are condemned; from then on they stay. Where some are not there,
 * nothing is tied, and they are the answer.
 */
export async function tie(
  tx: Transaction,
  manifest: bigint,
  digests: readonly Digest[],
): Promise<readonly Digest[]> {
  // Nobody takes away a chunk until this transaction has ended.
  await enterWithOthers(tx)
  await revive(tx, joinDigests(digests))
  const lacking = await absent(tx, digests)
  if (lacking.length === 0) await tieChunks(tx, manifest, digests)
  return lacking
}

/** Unties a manifest from its chunks unless an image needs them there; says whether it did. */
export async function untie(tx: Transaction, manifest: bigint, storage: Stored): Promise<boolean> {
  const { count } = await tx`
    delete from manifest_chunk where manifest = ${manifest} and not exists (
      select from image
      where image.manifest = ${manifest} and storage = ${storage} and not custom)`
  return count > 0
}

function never(image: string): never {
  throw internal('INTERNAL', `${image} is locked and is not there`)
}
