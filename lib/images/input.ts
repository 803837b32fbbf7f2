import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Boot, Format, Kind } from '../content/manifest.ts'
import { type Failure, precondition } from '../failure.ts'
import { fileChanged, readFault } from '../workers/faults.ts'
import type { FileSpan } from '../workers/reading.ts'
import { checkFormat, headBytes } from './magic.ts'

// A pipe would keep `open` waiting for someone who writes to it.
const flags = constants.O_RDONLY | constants.O_NONBLOCK

/** A file that is to become an artifact. */
export interface InputFile {
  readonly kind: Kind
  readonly path: string
  readonly format: Format
  readonly boot?: Boot
}

/** An open input, looked at once: its size and time must still be the same when it has been read. */
export interface Input extends AsyncDisposable {
  readonly file: InputFile
  readonly sizeBytes: number
  span(offset: number, length: number): FileSpan
  /** Throws FILE_CHANGED if the file is not what it was when it was opened. */
  checkUnchanged(): Promise<void>
}

/** Opens all, or none. */
export async function openInputs(
  files: readonly InputFile[],
): Promise<AsyncDisposable & { readonly inputs: readonly Input[] }> {
  await using opened = new AsyncDisposableStack()
  const inputs: Input[] = []
  for (const file of files) inputs.push(opened.use(await openInput(file)))
  const kept = opened.move()
  return { inputs, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function openInput(file: InputFile): Promise<Input> {
  const { path } = file
  const handle = await reading(path, () => open(path, flags))
  try {
    const first = await reading(path, () => handle.stat({ bigint: true }))
    if (!first.isFile()) throw notAFile(path)
    checkFormat(file, await reading(path, () => headOf(handle)))
    return {
      file,
      sizeBytes: Number(first.size),
      span: (offset, length) => ({ path, fd: handle.fd, offset, length }),
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
