import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { packHeader, packHeaderBytes, packTrailer, readPackIndex } from '../chunks/pack.ts'
import { maxRunBytes, type Run, type RunEntry } from '../chunks/source.ts'
import { type Verify, verifiedRuns } from '../chunks/verified.ts'
import { type Digest, sha256 } from '../content/digest.ts'
import { decodeManifest } from '../content/encoding.ts'
import type { Manifest } from '../content/manifest.ts'
import { Failure, invalid } from '../failure.ts'
import { type ImageName, readImageName } from '../names/name.ts'
import { type About, parseAbout } from './parse.ts'
import { type Archive, archiveIn, reading } from './archive.ts'
import {
  aboutMember,
  manifestMember,
  mostPackBytes,
  neededChunks,
  type NeededChunk,
  packMember,
} from './members.ts'
import { readTarHeader } from './tar.ts'

/** A portable image that is open. Its head is checked; what it holds is when it is read to its end. */
export interface Portable extends AsyncDisposable {
  readonly about: About
  /** The exact name that it had where it was exported. */
  readonly name: ImageName
  readonly digest: Digest
  readonly manifest: Manifest
  /** The manifest's canonical bytes. */
  readonly manifestBytes: Buffer
  readonly sizeBytes: number
  /** Bytes read so far. */
  readonly readBytes: () => number
  /**
   * Every chunk of the image, checked, in runs and in no particular order. The stream ends well only if all of the file is as it
   * should be, to its last byte: until then nothing of it may be shown. To be read once.
   */
  runs(verify: Verify, signal: AbortSignal): AsyncGenerator<Run, void, undefined>
}

const mostAboutBytes = 16 * 1024 * 1024
const mostManifestBytes = 64 * 1024 * 1024

/** Opens a portable image, which is refused unless it is one. */
export async function openPortable(path: string): Promise<Portable> {
  await using stack = new AsyncDisposableStack()
  const file = stack.use(await reading(path, () => open(path)))
  const { size, isFile } = await reading(path, async () => {
    const stat = await file.stat()
    return { size: stat.size, isFile: stat.isFile() }
  })
  if (!isFile) throw wrongFormat(path, 'it is no file', 'no file')
  const archive = archiveIn(path, file, size)
  const first = readTarHeader(await archive.peek())
  if (first?.name !== aboutMember)
    throw wrongFormat(path, 'it is no portable image', 'another file')
  const about = parseAbout(await archive.whole(aboutMember, mostAboutBytes))
  if ('wrong' in about)
    throw wrongFormat(path, `its ${aboutMember} is unreadable: ${about.wrong}`, 'image.json')
  const manifestBytes = await archive.whole(manifestMember, mostManifestBytes)
  const digest = sha256(manifestBytes)
  const manifest = readManifest(archive, manifestBytes)
  demandMatch(archive, about, digest, manifest)
  const owned = stack.move()
  return {
    about,
    name: demandName(archive, about),
    digest,
    manifest,
    manifestBytes,
    sizeBytes: size,
    readBytes: archive.position,
    runs: (verify, signal) => checkedRuns(archive, neededChunks(manifest), verify, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function readManifest(archive: Archive, bytes: Uint8Array): Manifest {
  try {
    return decodeManifest(bytes)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw archive.damaged(manifestMember, error.message, error)
  }
}

function demandName(archive: Archive, { name }: About): ImageName {
  const read = readImageName(name)
  if (read !== undefined) return read
  throw archive.damaged(aboutMember, 'its name is no exact name of an image')
}

/** What is said of the image and pinned by its manifest is said twice, and must agree. */
function demandMatch(
  archive: Archive,
  about: About,
  digest: Digest,
  { artifacts }: Manifest,
): void {
  if (about.digest !== `sha256:${digest}`) {
    throw archive.damaged(manifestMember, `its digest is sha256:${digest}, not ${about.digest}`)
  }
  const pinned = artifacts.map(({ kind, boot, mediaType, sizeBytes, sha256 }) => {
    return { kind, boot, mediaType, sizeBytes, sha256: `sha256:${sha256}` }
  })
  if (JSON.stringify(pinned) === JSON.stringify(about.artifacts)) return
  throw archive.damaged(aboutMember, 'its files are not those of the manifest')
}

async function* checkedRuns(
  archive: Archive,
  needed: readonly NeededChunk[],
  verify: Verify,
  signal: AbortSignal,
): AsyncGenerator<Run, void, undefined> {
  try {
    yield* verifiedRuns(() => runsOf(archive, needed), verify, signal)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'CHUNK_CORRUPT') throw error
    throw archive.damaged('packs', error.message, error)
  }
}

/** All that follows the manifest. */
async function* runsOf(
  archive: Archive,
  needed: readonly NeededChunk[],
): AsyncGenerator<Run, void, undefined> {
  let packs = 0
  for (let at = 0; at < needed.length;) {
    const member = packMember(++packs)
    const { start, sizeBytes } = await archive.enter(member, mostPackBytes)
    const entries = await indexOf(archive, member, start, sizeBytes)
    demandNeeded(archive, member, entries, needed.slice(at, at + entries.length))
    yield* runsIn(archive, member, entries)
    at += entries.length
  }
  await archive.end()
}

async function indexOf(
  archive: Archive,
  member: string,
  start: number,
  sizeBytes: number,
): Promise<readonly RunEntry[]> {
  try {
    return await readPackIndex((offset, length) => archive.range(start + offset, length), sizeBytes)
  } catch (error) {
    if (!(error instanceof Failure) || error.reason !== 'PACK_CORRUPT') throw error
    throw archive.damaged(member, error.message, error)
  }
}

/** A pack has at least one chunk, and none but those that come next in the image. */
function demandNeeded(
  archive: Archive,
  member: string,
  entries: readonly RunEntry[],
  next: readonly NeededChunk[],
): void {
  if (entries.length === 0) throw archive.damaged(member, 'there is no chunk in it')
  for (const [i, { digest, rawBytes }] of entries.entries()) {
    const needed = next[i]
    if (needed === undefined) {
      throw archive.damaged(member, 'it has more chunks than the manifest names')
    }
    if (needed.digest !== digest || needed.length !== rawBytes) {
      throw archive.damaged(member, `chunk ${i} is not the one that the manifest names there`)
    }
  }
}

/** The chunks of a pack as they lie, while its digest is summed. */
async function* runsIn(
  archive: Archive,
  member: string,
  entries: readonly RunEntry[],
): AsyncGenerator<Run, void, undefined> {
  const hash = createHash('sha256')
  const take = async (length: number): Promise<Buffer> => {
    const bytes = await archive.take(member, length)
    hash.update(bytes)
    return bytes
  }
  const header = await take(packHeaderBytes)
  if (!header.equals(packHeader())) throw archive.damaged(member, 'it does not begin as a pack')
  for (const group of groupsOf(entries)) {
    yield { entries: group, payload: await take(storedBytes(group)) }
  }
  await take(packTrailer(entries).length)
  await archive.leave(member, hash.digest('hex'))
}

function* groupsOf(entries: readonly RunEntry[]): Generator<RunEntry[]> {
  let group: RunEntry[] = []
  for (const entry of entries) {
    if (group.length > 0 && storedBytes(group) + entry.storedBytes > maxRunBytes) {
      yield group
      group = []
    }
    group.push(entry)
  }
  yield group
}

function storedBytes(entries: readonly RunEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.storedBytes, 0)
}

function wrongFormat(path: string, why: string, found: string): Failure {
  return invalid('WRONG_FORMAT', `${path}: ${why}.`, { path, found })
}
