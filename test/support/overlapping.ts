import { createHash, randomUUID } from 'node:crypto'
import { encodeUploadId } from '../../lib/chunks/plane.ts'
import { encodeRun } from '../../lib/chunks/run.ts'
import { decodeRuns } from '../../lib/chunks/plane.ts'
import { joinDigests, sha256, splitDigests, type Digest } from '../../lib/content/digest.ts'
import { encodeManifest } from '../../lib/content/encoding.ts'
import type { Sql } from '../../services/db/open.ts'
import { digestsOf, runOf, type Chunk } from './chunks.ts'
import { commitMessages } from './images.ts'
import type { Clients } from './portal.ts'

/** Numbers from 0 to 1 that a seed decides. */
export function chancesOf(seed: string): () => number {
  let i = 0
  return () => createHash('sha256').update(`${seed} ${i++}`).digest().readUInt32BE() / 2 ** 32
}

/** Some of the chunks, in an order of its own. */
export function someOf(chunks: readonly Chunk[], count: number, chance: () => number): Chunk[] {
  const ranked = chunks.map((chunk) => ({ chunk, rank: chance() }))
  return ranked.sort((a, b) => a.rank - b.rank).flatMap(({ chunk }, i) => (i < count ? chunk : []))
}

/** Asks which of the chunks the portal lacks, and stores those: under an upload that is open then. */
export async function storeUnder(
  { uploads, chunks: plane }: Clients,
  target: string,
  chunks: readonly Chunk[],
): Promise<string> {
  const request = { requestId: randomUUID(), target, notes: '', labels: {}, custom: undefined }
  const uploadId = (await uploads.beginUpload(request)).upload?.id ?? ''
  const asked = { digests: joinDigests(digestsOf(chunks)), uploadId }
  const lacking = new Set(splitDigests((await plane.findMissing(asked)).digests))
  const fresh = chunks.filter(({ entry }) => lacking.has(entry.digest))
  if (fresh.length > 0) await plane.storeChunks(storing(uploadId, fresh))
  return uploadId
}

async function* storing(uploadId: string, chunks: readonly Chunk[]): AsyncGenerator<Buffer> {
  yield encodeUploadId(uploadId)
  await Promise.resolve()
  yield encodeRun(runOf(chunks))
}

/** Commits an image of exactly these chunks and answers its name. */
export async function commitOf(
  { uploads }: Clients,
  uploadId: string,
  chunks: readonly Chunk[],
): Promise<string> {
  const whole = createHash('sha256')
  for (const { stored } of chunks) whole.update(stored)
  const lengths = chunks.map(({ stored }) => stored.length)
  const manifest = encodeManifest({
    artifacts: [
      {
        kind: 'rootfs',
        mediaType: 'application/octet-stream',
        format: 'raw',
        boot: 'any',
        sizeBytes: lengths.reduce((sum, length) => sum + length, 0),
        sha256: whole.digest('hex') as Digest,
        extents: { lengths, digests: joinDigests(digestsOf(chunks)) },
      },
    ],
  })
  const { image } = await uploads.commitUpload(commitMessages(uploadId, manifest))
  return image?.name ?? ''
}

/** Fetches the chunks, checks each of them, and answers how many are right. */
export async function fetchRight(
  { chunks: plane }: Clients,
  digests: readonly Digest[],
): Promise<number> {
  let right = 0
  const answer = plane.fetchChunks({ digests: joinDigests(digests) })
  for await (const { entries, payload } of decodeRuns(answer)) {
    let at = 0
    for (const { digest, storedBytes } of entries) {
      if (sha256(payload.subarray(at, at + storedBytes)) === digest) right++
      at += storedBytes
    }
  }
  return right
}

/** What expiry does: rows first; bytes go when nothing names them (docs/storage.md). */
export async function expire(sql: Sql, image: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      select from manifest where id = (select manifest from image where name = ${image})
      for update`
    await tx`update image set storage = 'expired' where name = ${image}`
    await tx`
      delete from manifest_chunk
      where manifest = (select manifest from image where name = ${image})
        and not exists (
          select from image
          where image.manifest = manifest_chunk.manifest and storage <> 'expired')`
  })
}
