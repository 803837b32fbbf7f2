import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import {
  type Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  type ZipFile,
} from 'yauzl'
import { errorCode, Failure, precondition } from '../../lib/failure.ts'
import { wrong } from './checked.ts'

/** An archive that is read in parts, wherever it lies. */
export interface Parts {
  /** What people call it. */
  readonly name: string
  readonly sizeBytes: number
  /** The bytes from one place on, up to before another. */
  read(from: number, end: number, signal: AbortSignal): AsyncIterable<Buffer>
}

/** A file in an archive. */
export interface Member {
  /** As the archive writes it. */
  readonly path: string
  readonly sizeBytes: number
  readonly crc32: number
  readonly open: (signal: AbortSignal) => AsyncIterable<Buffer>
}

const mostMembers = 10_000

/** The files of a zip, by its directory. */
export async function membersOf(parts: Parts, signal: AbortSignal): Promise<readonly Member[]> {
  try {
    const zip = await openZip(parts, signal)
    if (zip.entryCount > mostMembers) {
      const text = `${parts.name} has ${zip.entryCount} files: ${mostMembers} are the most`
      throw precondition('SOURCE_UNREADABLE', text, { name: parts.name })
    }
    const members: Member[] = []
    for await (const entry of zip.eachEntry()) members.push(...memberOf(entry, parts))
    return members
  } catch (error) {
    signal.throwIfAborted()
    throw zipFault(parts.name, error)
  }
}

function openZip(parts: Parts, signal: AbortSignal): Promise<ZipFile> {
  const reader = new PartsReader(parts, signal)
  return fromRandomAccessReaderPromise(reader, parts.sizeBytes, {
    ...{ lazyEntries: true, autoClose: false, validateEntrySizes: true },
    // A name that yauzl refuses would end the whole list.
    decodeStrings: false,
  })
}

/** Folders are none, and neither are links and devices. */
function memberOf(entry: Entry, parts: Parts): Member[] {
  const { generalPurposeBitFlag: flag, fileNameRaw, extraFields, uncompressedSize } = entry
  const path = getFileNameLowLevel(flag, fileNameRaw, extraFields, true)
  const type = (entry.externalFileAttributes >>> 16) & 0o170000
  if (path.endsWith('/') || (type !== 0 && type !== 0o100000)) return []
  const open = (signal: AbortSignal) => bytesOf(path, entry, parts, signal)
  return [{ path, sizeBytes: uncompressedSize, crc32: entry.crc32, open }]
}

async function* bytesOf(
  path: string,
  entry: Entry,
  parts: Parts,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  if (!entry.canDecodeFileData()) {
    const text = `${path} is encrypted, or packed in a way that is not read here: store or deflate it`
    throw precondition('SOURCE_UNREADABLE', text, { name: path })
  }
  let sum = 0
  try {
    const zip = await openZip(parts, signal)
    const stream = await zip.openReadStreamPromise(entry)
    for await (const piece of stream as AsyncIterable<Buffer>) {
      sum = crc32(piece, sum)
      yield piece
    }
  } catch (error) {
    signal.throwIfAborted()
    throw zipFault(path, error)
  }
  if (sum !== entry.crc32) throw wrong(path, 'does not have the CRC that its archive says')
}

function zipFault(name: string, error: unknown): unknown {
  if (error instanceof Failure) return error
  const isOurs = errorCode(error)?.startsWith('Z_') === true || error instanceof Error
  return isOurs ? wrong(name, `cannot be read as a zip (${String(error)})`, error) : error
}

/** Small reads are of directories, one after another: they are served from blocks that are kept. */
const blockBytes = 256 * 1024
const blocksKept = 4
const mostDirectoryBytes = 64 * 1024 * 1024

class PartsReader extends RandomAccessReader {
  readonly #parts: Parts
  readonly #signal: AbortSignal
  readonly #blocks = new Map<number, Promise<Buffer>>()
  #blocksRead = 0

  constructor(parts: Parts, signal: AbortSignal) {
    super()
    this.#parts = parts
    this.#signal = signal
  }

  override _readStreamForRange(from: number, end: number): Readable {
    return Readable.from(this.#parts.read(from, end, this.#signal))
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#fill(buffer.subarray(offset, offset + length), position).then(
      () => {
        callback(null)
      },
      (error: unknown) => {
        callback(error as Error)
      },
    )
  }

  async #fill(target: Buffer, position: number): Promise<void> {
    for (let done = 0; done < target.length;) {
      const at = position + done
      const block = await this.#block(Math.floor(at / blockBytes))
      const copied = block.copy(target, done, at % blockBytes)
      if (copied === 0) throw wrong(this.#parts.name, 'ends in the middle of its directory')
      done += copied
    }
  }

  #block(index: number): Promise<Buffer> {
    const known = this.#blocks.get(index)
    if (known !== undefined) return known
    this.#blocksRead += 1
    if (this.#blocksRead * blockBytes > mostDirectoryBytes) {
      return Promise.reject(wrong(this.#parts.name, 'has a directory of more than 64 MiB'))
    }
    const [oldest] = this.#blocks.keys()
    if (oldest !== undefined && this.#blocks.size >= blocksKept) this.#blocks.delete(oldest)
    const from = index * blockBytes
    const end = Math.min(from + blockBytes, this.#parts.sizeBytes)
    const read = gathered(this.#parts.read(from, end, this.#signal))
    this.#blocks.set(index, read)
    return read
  }
}

async function gathered(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of bytes) pieces.push(piece)
  return Buffer.concat(pieces)
}
