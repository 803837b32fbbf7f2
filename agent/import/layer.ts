import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { Failure, precondition } from '../../lib/failure.ts'
import { checked, checkLength, wrong } from './checked.ts'
import { nameFault } from './naming.ts'

/** A layer of an image, as it comes from a registry. */
export interface Layer {
  readonly name: string
  /** `sha256:…` of what comes. */
  readonly digest: string
  readonly mediaType: string
  readonly bytes: AsyncIterable<Buffer>
  /** What it may unpack to. */
  readonly mostBytes: bigint
}

/**
 * The bytes of the one file below `disk/`, where KubeVirt has them; nothing if the layer has none. All of the layer is read and
 * its digest checked before they end.
 */
export async function* diskIn(
  layer: Layer,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { name, digest: version, bytes, mostBytes } = layer
  const seen = { end: false }
  const stored = async function* (): AsyncGenerator<Buffer> {
    yield* checked({ name, version }, bytes, mostBytes)
    seen.end = true
  }
  const archive = extract()
  const unpacked = limited(layer, unpackedOf(layer, Readable.from(stored()), signal))
  const piped = pipeline(unpacked, archive as unknown as NodeJS.WritableStream, { signal })
  piped.catch(() => undefined)
  try {
    yield* onlyDisk(name, archive)
    await piped
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof Failure ? error : wrong(name, 'is no tar as layers are', error)
  } finally {
    archive.destroy()
  }
  if (!seen.end) throw wrong(name, 'goes on after the end of its tar')
}

type Archive = ReturnType<typeof extract>

async function* onlyDisk(name: string, archive: Archive): AsyncGenerator<Buffer> {
  let found: string | undefined
  for await (const entry of archive) {
    const path = diskPath(name, entry.header)
    if (path === undefined) {
      entry.resume()
      continue
    }
    if (found !== undefined) throw unfit(name, `has two disks, ${found} and ${path}`)
    found = path
    yield* entry as AsyncIterable<Buffer>
  }
}

/** The name of a file below `disk/`; nothing for what lies elsewhere. */
function diskPath(name: string, header: Header): string | undefined {
  const path = header.name.replace(/^(\.\/)+/, '').replace(/\/$/, '')
  const fault = path === '' || path === '.' ? undefined : nameFault(path)
  if (fault !== undefined) throw fault
  const isBelow = path.startsWith('disk/') && !/\/\.wh\.[^/]*$/.test(path)
  if (!isBelow || header.type === 'directory') return undefined
  const isSparse = Object.keys(paxOf(header)).some((key) => key.startsWith('GNU.sparse'))
  if (isSparse || (header.type !== 'file' && header.type !== 'contiguous-file')) {
    throw unfit(name, `has ${path}, which is no plain file`)
  }
  return path
}

function paxOf(header: Header): object {
  const pax: unknown = Reflect.get(header, 'pax')
  return typeof pax === 'object' && pax !== null ? pax : {}
}

async function* limited(
  { name, mostBytes }: Layer,
  bytes: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  let length = 0
  for await (const piece of bytes) {
    length += piece.length
    checkLength({ name }, length, mostBytes)
    yield piece
  }
}

async function* unpackedOf(
  { name, mediaType }: Layer,
  stored: Readable,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const engine = engineFor(mediaType)
  if (engine === undefined) {
    yield* stored as AsyncIterable<Buffer>
    return
  }
  const piped = pipeline(stored, engine, { signal })
  piped.catch(() => undefined)
  try {
    yield* engine as AsyncIterable<Buffer>
    await piped
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error
    throw wrong(name, 'is not packed as it says', error)
  }
}

function engineFor(mediaType: string) {
  if (/[.+]gzip$/.test(mediaType)) return createGunzip()
  return mediaType.endsWith('+zstd') ? createZstdDecompress() : undefined
}

function unfit(name: string, what: string): Failure {
  const advice = 'a disk image has one disk, below disk/'
  return precondition('SOURCE_UNREADABLE', `${name} ${what}: ${advice}`, { name })
}
