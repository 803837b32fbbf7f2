import { randomUUID } from 'node:crypto'
import { encodeUploadId } from '../../lib/chunks/plane.ts'
import { encodeRun } from '../../lib/chunks/run.ts'
import { chunkEncoder } from '../../lib/content/codec.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { encodeManifest } from '../../lib/content/encoding.ts'
import { cutSegment, chunksOf } from '../../lib/content/extents.ts'
import type { Manifest } from '../../lib/content/manifest.ts'
import {
  CommitHeader,
  type CommitUploadRequest,
  type Package,
} from '../../proto/gen/merge/image/v1/upload.ts'
import type { Sql } from '../../services/db/open.ts'
import { newGeneration } from '../../services/generation.ts'
import type { Clients } from './portal.ts'

/** The manifest of a root file system with these bytes. */
export function manifestOf(data: Uint8Array): Manifest {
  return {
    artifacts: [
      {
        kind: 'rootfs',
        mediaType: 'application/octet-stream',
        format: 'raw',
        boot: 'any',
        sizeBytes: data.length,
        sha256: sha256(data),
        extents: cutSegment(data),
      },
    ],
  }
}

const compress = chunkEncoder()

/** The messages that store every chunk of the bytes under an upload. */
export async function* storeMessages(uploadId: string, data: Uint8Array): AsyncGenerator<Buffer> {
  yield encodeUploadId(uploadId)
  for (const { digest, offset, length } of chunksOf(cutSegment(data))) {
    const { codec, bytes } = compress(data.subarray(offset, offset + length))
    const entry = { digest, codec, storedBytes: bytes.length, rawBytes: length }
    yield encodeRun({ entries: [entry], payload: new Uint8Array(bytes) })
    await Promise.resolve()
  }
}

/** The messages that commit a manifest. */
export async function* commitMessages(
  uploadId: string,
  manifest: Uint8Array,
  requestId = randomUUID() as string,
  release = true,
  packages: Package[] = [],
): AsyncGenerator<CommitUploadRequest> {
  const value = CommitHeader.create({ requestId, uploadId, release, packages })
  yield { message: { $case: 'header', value } }
  yield { message: { $case: 'part', value: Buffer.from(manifest) } }
  await Promise.resolve()
}

/** Publishes bytes over the API alone and answers the exact name. */
export async function publish(
  { uploads, chunks }: Clients,
  target: string,
  data: Uint8Array,
  release = true,
  packages: Package[] = [],
): Promise<string> {
  const { upload } = await uploads.beginUpload({
    requestId: randomUUID(),
    target,
    notes: '',
    labels: {},
    custom: undefined,
  })
  const id = upload?.id ?? ''
  await chunks.storeChunks(storeMessages(id, data))
  const manifest = encodeManifest(manifestOf(data))
  const commit = commitMessages(id, manifest, randomUUID(), release, packages)
  const { image } = await uploads.commitUpload(commit)
  return image?.name ?? ''
}

/** Lets an image stand otherwise than it was published, as a change of its state does. */
export async function restate(
  sql: Sql,
  name: string,
  as: { readonly state?: string; readonly storage?: string; readonly replacement?: string },
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`update image set ${tx(as)} where name = ${name}`
    await newGeneration(tx, { images: [name] })
  })
}
