import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packHeader, packTrailer } from '../../lib/chunks/pack.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { encodeManifest } from '../../lib/content/encoding.ts'
import { cutSegment, chunksOf as cutsOf } from '../../lib/content/extents.ts'
import { renderAbout } from '../../lib/portable/about.ts'
import type { About } from '../../lib/portable/parse.ts'
import { openPortable } from '../../lib/portable/read.ts'
import { paddingAfter, tarEnd, tarHeader } from '../../lib/portable/tar.ts'
import { writePortable } from '../../lib/portable/write.ts'
import { collect, holding, rawChunk, zstdChunk, type Chunk } from './chunks.ts'
import { manifestOf } from './images.ts'
import { verifyHere } from './shelf.ts'

/** An image of one disk, as a portable file and as what that is made of. */
export function imageOf(data: Uint8Array, more: Partial<About> = {}) {
  const manifest = manifestOf(data)
  const bytes = encodeManifest(manifest)
  const about: About = {
    format: 'merge-image',
    version: 1,
    name: 'debian-13.1-std-x86-20260615',
    digest: `sha256:${sha256(bytes)}`,
    displayName: 'Debian 13.1',
    state: 'released',
    createTime: '2026-06-15T12:00:00.000Z',
    creator: 'producer:alice',
    notes: '',
    parent: null,
    artifacts: manifest.artifacts.map(({ kind, boot, mediaType, sizeBytes, sha256: digest }) => {
      return { kind, boot, mediaType, sizeBytes, sha256: `sha256:${digest}` }
    }),
    provenance: null,
    packages: [{ name: 'libc6', version: '2.41-12' }],
    ...more,
  }
  const chunks = [...cutsOf(cutSegment(data))].map(({ offset, length }) =>
    storedChunk(data.subarray(offset, offset + length)),
  )
  return { about, manifest: bytes, chunks }
}

function storedChunk(raw: Uint8Array): Chunk {
  const packed = zstdChunk(raw)
  return packed.stored.length < raw.length ? packed : rawChunk(raw)
}

/** The bytes of the portable file of an image, from a source that sends so many chunks a run. */
export async function writtenOf(image: ReturnType<typeof imageOf>, perRun = 3): Promise<Buffer> {
  const source = holding(image.chunks, perRun)
  const { signal } = new AbortController()
  return Buffer.concat(await collect(writePortable(image, source, verifyHere, signal)))
}

export interface Member {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The members of a file as anybody might write them; the sums are right. */
export function archiveOf(members: readonly Member[]): Buffer {
  const sums = members.map(({ name, bytes }) => `${sha256(bytes)}  ${name}\n`).join('')
  return tarOf([...members, { name: 'SHA256SUMS', bytes: Buffer.from(sums) }])
}

/** A tar of these members, with nothing said of them. */
export function tarOf(members: readonly Member[]): Buffer {
  const parts = members.flatMap(({ name, bytes }) => [
    tarHeader(name, bytes.length),
    bytes,
    Buffer.alloc(paddingAfter(bytes.length)),
  ])
  return Buffer.concat([...parts, tarEnd])
}

export function packOf(chunks: readonly Chunk[]): Buffer {
  const stored = chunks.map((chunk) => chunk.stored)
  return Buffer.concat([packHeader(), ...stored, packTrailer(chunks.map(({ entry }) => entry))])
}

/** The members of an image in their order, all its chunks in one pack. */
export function membersOf({ about, manifest, chunks }: ReturnType<typeof imageOf>): Member[] {
  return [
    { name: 'image.json', bytes: renderAbout(about) },
    { name: 'manifest', bytes: manifest },
    { name: 'packs/000001.pack', bytes: packOf(chunks) },
  ]
}

/** Reads a portable file to its end; answers the digests of its chunks. */
export async function readWhole(path: string): Promise<string[]> {
  await using file = await openPortable(path)
  const runs = await collect(file.runs(verifyHere, new AbortController().signal))
  return runs.flatMap(({ entries }) => entries.map(({ digest }) => digest))
}

/** The same of bytes, written to a file first. */
export async function readBytes(folder: string, bytes: Uint8Array): Promise<string[]> {
  const path = join(folder, 'some.image.tar')
  await writeFile(path, bytes)
  return readWhole(path)
}
