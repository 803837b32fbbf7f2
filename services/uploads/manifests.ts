import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { batchesOf } from '../../lib/batches.ts'
import { joinDigests, sha256, type Digest } from '../../lib/content/digest.ts'
import { chunksOf, type Chunk } from '../../lib/content/extents.ts'
import {
  boots,
  chunkDigests,
  chunkLengths,
  kinds,
  type Artifact,
  type Manifest,
} from '../../lib/content/manifest.ts'
import { invalid, missing, precondition, type Failure } from '../../lib/failure.ts'
import { absent, digestsAtOnce, tieChunks, unpacked } from '../chunks/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** The canonical bytes of a manifest, or NOT_FOUND. */
export async function readManifest(sql: Sql | Transaction, digest: Digest): Promise<Buffer> {
  const [row] = await sql<{ body: Buffer }[]>`
    select body from manifest where digest = ${joinDigests([digest])}`
  if (row !== undefined) return decompress(row.body)
  throw noManifest(digest)
}

export function noManifest(digest: Digest): Failure {
  return missing('NOT_FOUND', `No image has the digest sha256:${digest}.`, { digest })
}

/** Keeps a manifest whose chunks are all there; the same one again is the one that is there. */
export async function keepManifest(
  tx: Transaction,
  manifest: Manifest,
  bytes: Uint8Array,
): Promise<bigint> {
  const digests = chunkDigests(manifest)
  await demandChunks(tx, digests)
  // One that was kept for its facility's sake is held against chunks now, and its sums are the portal's.
  const [made] = await tx<{ id: bigint }[]>`
    insert into manifest (digest, body, chunk_count, chunk_bytes, stored_bytes)
    select ${joinDigests([sha256(bytes)])}, ${await compressed(bytes)},
      count(*), coalesce(sum(raw_bytes), 0), coalesce(sum(stored_bytes), 0)
    from ${unpacked(tx, joinDigests(digests))} join chunk on chunk.digest = asked.digest
    on conflict (digest) do update set checked = true, chunk_count = excluded.chunk_count,
      chunk_bytes = excluded.chunk_bytes, stored_bytes = excluded.stored_bytes
    where not manifest.checked
    returning id`
  const id = made?.id ?? (await idOf(tx, sha256(bytes)))
  // Anew even if the manifest is an old one: expiry takes these rows, and only these.
  await tieChunks(tx, id, digests)
  if (made === undefined) return id
  await insertArtifacts(tx, id, manifest)
  await demandLengths(tx, manifest)
  return id
}

/** Keeps a manifest whose chunks are in a facility's store and none of the portal's business. */
export async function keepForeignManifest(
  tx: Transaction,
  manifest: Manifest,
  bytes: Uint8Array,
  storedBytes: bigint,
): Promise<bigint> {
  const lengths = chunkLengths(manifest)
  const chunkBytes = [...lengths.values()].reduce((sum, length) => sum + length, 0)
  const [made] = await tx<{ id: bigint }[]>`
    insert into manifest (digest, body, chunk_count, chunk_bytes, stored_bytes, checked)
    values (${joinDigests([sha256(bytes)])}, ${await compressed(bytes)}, ${lengths.size}, ${chunkBytes},
      ${storedBytes}, false)
    on conflict (digest) do nothing returning id`
  if (made === undefined) return idOf(tx, sha256(bytes))
  await insertArtifacts(tx, made.id, manifest)
  return made.id
}

function compressed(bytes: Uint8Array): Promise<Buffer> {
  return compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })
}

async function idOf(tx: Transaction, digest: Digest): Promise<bigint> {
  const [row] = await tx<{ id: bigint }[]>`
    select id from manifest where digest = ${joinDigests([digest])} for key share`
  if (row === undefined) throw new Error('a manifest was there and is gone')
  return row.id
}

async function insertArtifacts(tx: Transaction, id: bigint, manifest: Manifest): Promise<void> {
  for (const artifact of manifest.artifacts) await insertArtifact(tx, id, artifact)
}

async function insertArtifact(tx: Transaction, manifest: bigint, artifact: Artifact) {
  const { kind, boot, mediaType, sizeBytes, extents } = artifact
  const dataBytes = extents.lengths.reduce((sum, length) => sum + Math.max(length, 0), 0)
  await tx`
    insert into artifact (manifest, kind, boot, media_type, size_bytes, data_bytes, sha256)
    values (${manifest}, ${kinds.indexOf(kind) + 1}, ${boots.indexOf(boot) + 1}, ${mediaType},
      ${sizeBytes}, ${dataBytes}, ${joinDigests([artifact.sha256])})
    on conflict do nothing`
}

async function demandChunks(tx: Transaction, digests: readonly Digest[]): Promise<void> {
  const [first, ...more] = await absent(tx, digests)
  if (first === undefined) return
  const count = String(more.length + 1)
  throw precondition(
    'CHUNKS_MISSING',
    `The manifest names ${count} chunks that the portal does not hold, sha256:${first} the first: store them under the upload and commit again.`,
    { count, first },
  )
}

/** A manifest that gives a chunk another length than it has describes a file that cannot be written. */
async function demandLengths(tx: Transaction, manifest: Manifest): Promise<void> {
  const chunks = manifest.artifacts.flatMap(({ extents }) => [...chunksOf(extents)])
  for (const some of batchesOf(chunks, digestsAtOnce)) await demandTheirLengths(tx, some)
}

async function demandTheirLengths(tx: Transaction, chunks: readonly Chunk[]): Promise<void> {
  const digests = joinDigests(chunks.map(({ digest }) => digest))
  const lengths = chunks.map(({ length }) => length)
  const [wrong] = await tx<{ digest: string; rawBytes: number }[]>`
    select encode(chunk.digest, 'hex') as digest, raw_bytes
    from ${unpacked(tx, digests)} join chunk on chunk.digest = asked.digest
    where chunk.raw_bytes <> (${lengths}::int[])[asked.position + 1] limit 1`
  if (wrong === undefined) return
  throw invalid(
    'INVALID_MANIFEST',
    `The manifest gives chunk sha256:${wrong.digest} another length than its ${wrong.rawBytes} bytes.`,
    { at: wrong.digest },
  )
}
