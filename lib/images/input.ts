import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Boot, Kind } from '../content/manifest.ts'
import { type Failure, precondition } from '../failure.ts'
import { fileChanged, readFault } from '../workers/faults.ts'
import type { Filling } from '../workers/segment.ts'
import type { Shelf } from '../workers/shelf.ts'
import type { Slot } from '../workers/slot.ts'
import { placedSegments, type Segment, streamedSegments } from './filling.ts'
import { type Container, declaredContainer, headBytes } from './format.ts'
import { readQcow2 } from './qcow2.ts'
import { unpacked } from './unpacking.ts'

// A pipe would keep `open` waiting for someone who writes to it.
const flags = constants.O_RDONLY | constants.O_NONBLOCK

/** The largest disk that a file may unpack to, unless another is said: what is packed small can be endless. */
export const mostUnpackedBytes = 128 * 1024 ** 3

/** A file that is to become an artifact. */
export interface InputFile {
  readonly kind: Kind
  readonly path: string
  /** What it is handed in as; its name says it otherwise. */
  readonly container?: Container
  readonly boot?: Boot
}

/** An open input, looked at once: its size and time must still be the same when it has been read. */
export interface Input extends AsyncDisposable {
  readonly file: InputFile
  /** What its segments' `inputBytes` come to. */
  readonly inputBytes: number
  /** Reads it once, from front to back. */
  segments(memory: Shelf<Slot>, stop: AbortSignal): AsyncGenerator<Segment, void, undefined>
  /** Throws FILE_CHANGED if the file is not what it was when it was opened. */
  checkUnchanged(): Promise<void>
}

/** Opens all, or none. */
export async function openInputs(
  files: readonly InputFile[],
  mostBytes = mostUnpackedBytes,
): Promise<AsyncDisposable & { readonly inputs: readonly Input[] }> {
  await using opened = new AsyncDisposableStack()
  const inputs: Input[] = []
  for (const file of files) inputs.push(opened.use(await openInput(file, mostBytes)))
  const kept = opened.move()
  return { inputs, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function openInput(file: InputFile, mostBytes: number): Promise<Input> {
  const { path } = file
  const handle = await reading(path, () => open(path, flags))
  try {
    const first = await reading(path, () => handle.stat({ bigint: true }))
    if (!first.isFile()) throw notAFile(path)
    const head = await reading(path, () => headOf(handle))
    const fileBytes = Number(first.size)
    return {
      file,
      ...contentOf(file, handle, head, fileBytes, mostBytes),
      async checkUnchanged() {
        const last = await reading(path, () => handle.stat({ bigint: true }))
        if (last.size !== first.size || last.mtimeNs !== first.mtimeNs) throw fileChanged(path)
      },
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function contentOf(
  file: InputFile,
  handle: FileHandle,
  head: Uint8Array,
  fileBytes: number,
  mostBytes: number,
): Pick<Input, 'inputBytes' | 'segments'> {
  const { path } = file
  const { fd } = handle
  const container = declaredContainer(file, head)
  switch (container) {
    case 'raw':
      return placed(fileBytes, (offset) => ({ kind: 'span', path, fd, offset }))
    case 'qcow2': {
      const image = readQcow2(path, head, fileBytes, mostBytes)
      return placed(image.sizeBytes, (offset) => ({ kind: 'clusters', image, fd, offset }))
    }
    case 'raw+gzip':
    case 'raw+xz':
    case 'raw+zstd':
      return {
        inputBytes: fileBytes,
        segments: (memory, stop) => {
          let read = 0
          const advance = (bytes: number): void => void (read += bytes)
          const blocks = unpacked({ path, container, handle }, advance, stop)
          return streamedSegments({ path, mostBytes }, blocks, () => read, memory, stop)
        },
      }
  }
}

function placed(
  sizeBytes: number,
  fillingAt: (offset: number) => Filling,
): Pick<Input, 'inputBytes' | 'segments'> {
  return {
    inputBytes: sizeBytes,
    segments: (memory, stop) => placedSegments(sizeBytes, fillingAt, memory, stop),
  }
}

function notAFile(path: string): Failure {
  const advice = 'copy its content to a file and give that'
  return precondition('UNREADABLE', `${path} is no regular file: ${advice}`, { path })
}

async function headOf(handle: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0)
  return buffer.subarray(0, bytesRead)
}

async function reading<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw readFault(path, error)
  }
}
