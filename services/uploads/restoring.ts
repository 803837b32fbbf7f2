import type { Manifest } from '../../lib/content/manifest.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { invalid, precondition, type Failure } from '../../lib/failure.ts'
import { parseImageName, renderImageName, type ImageName } from '../../lib/names/name.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { BeginUploadRequest } from '../../proto/gen/merge/image/v1/upload.ts'
import type { Transaction } from '../db/open.ts'
import { lockFamily } from '../images/family.ts'
import { noImage } from '../images/found.ts'
import { findImage, setStorage } from '../images/queries.ts'
import { tellOf } from '../images/telling.ts'
import { keepManifest } from './manifests.ts'

// Uploads that bring back the bytes of an image that is archived or expired.

/** Refuses what such an upload cannot say: the image has it already. */
export function demandAlone({ target, notes, custom, labels }: BeginUploadRequest): void {
  const isBare = Object.keys(labels).length === 0
  if (target === '' && notes === '' && custom === undefined && isBare) return
  const text = 'What is restored keeps what it is: leave out target, notes, custom and labels.'
  throw invalid('INVALID_FIELD', text, { field: 'restores' })
}

/** Refuses an image whose bytes cannot come back by an upload. Whoever asks holds its family until the transaction ends. */
export async function demandGone(tx: Transaction, image: ImageName): Promise<void> {
  const name = renderImageName(image)
  const locked = await lockFamily(tx, image)
  if (locked === undefined) throw noImage(name)
  const { storage, custom } = locked
  if (custom)
    throw wrong(name, storage, 'is an image of its facility, and its bytes were never here')
  if (storage === 'present') throw wrong(name, storage, 'is here, with all its bytes')
  const [moving] = await tx`select from move where image = ${name}`
  if (moving !== undefined) throw wrong(name, storage, 'is on its way already')
}

/** Makes the image present again if these are its bytes; answers its name. */
export async function restoreImage(
  tx: Transaction,
  given: { readonly manifest: Manifest; readonly bytes: Uint8Array; readonly caller: Caller },
  name: string,
): Promise<string> {
  const { manifest, bytes, caller } = given
  const image = parseImageName(name)
  await demandGone(tx, image)
  const found = await findImage(tx, name)
  const digest = sha256(bytes)
  if (found?.digest !== digest) {
    const text = `${name} has the digest sha256:${found?.digest ?? ''}, and what was uploaded sha256:${digest}.`
    throw precondition('DIGEST_MISMATCH', text, { name, digest })
  }
  const id = await keepManifest(tx, manifest, bytes)
  await setStorage(tx, name, 'present', { actor: caller.name, reason: 'its bytes were uploaded' })
  await leaveArchive(tx, id)
  await tellOf(tx, image)
  return name
}

/** What is in the archive of it is needed there for other archived images only. */
async function leaveArchive(tx: Transaction, manifest: bigint): Promise<void> {
  await tx`
    delete from archive.manifest_chunk where manifest = ${manifest}
      and not exists (select from image where image.manifest = ${manifest} and storage = 'archived')`
}

function wrong(name: string, state: string, why: string): Failure {
  return precondition('WRONG_STATE', `${name} ${why}.`, { state })
}
