import type { FileHandle } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { errorCode, type Failure } from '../failure.ts'
import { readFault } from '../workers/faults.ts'
import { wrong } from './format.ts'
import { framePieces } from './frames.ts'
import { unxz } from './xz.ts'

/** A file that is read from front to back once. */
export interface Packed {
  readonly path: string
  readonly container: 'raw+gzip' | 'raw+xz' | 'raw+zstd'
  readonly handle: FileHandle
}

const blockBytes = 1024 * 1024

/** The raw bytes that are packed in the file; `advance` is told of the bytes of the file as they are read. */
export async function* unpacked(
  { path, container, handle }: Packed,
  advance: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const stored = blocksOf(path, handle, advance)
  switch (container) {
    case 'raw+xz':
      yield* unxz(path, stored, signal)
      return
    case 'raw+gzip':
      yield* inflated(path, 'gzip', stored, createGunzip({ chunkSize: blockBytes }), signal)
      return
    case 'raw+zstd': {
      const engine = createZstdDecompress({ chunkSize: blockBytes })
      const pieces = framePieces(
        stored,
        () => broken(path, 'zstd'),
        () => cutShort(path, 'zstd'),
      )
      yield* inflated(path, 'zstd', pieces, engine, signal)
    }
  }
}

async function* blocksOf(
  path: string,
  handle: FileHandle,
  advance: (bytes: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let at = 0; ;) {
      const { buffer, bytesRead } = await handle.read(
        Buffer.allocUnsafe(blockBytes),
        0,
        blockBytes,
        at,
      )
      if (bytesRead === 0) return
      at += bytesRead
      advance(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw readFault(path, error)
  }
}

/** zlib goes on with the next gzip member by itself, but says nothing of zeros that follow the last. */
async function* inflated(
  path: string,
  name: 'gzip' | 'zstd',
  stored: AsyncIterable<Buffer>,
  engine: Duplex & { readonly bytesWritten: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let given = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const block of stored) {
      given += block.length
      yield block
    }
  }
  const piped = pipeline(counted, engine, { signal })
  piped.catch(() => undefined)
  try {
    yield* engine as AsyncIterable<Buffer>
    await piped
  } catch (error) {
    signal.throwIfAborted()
    throw packFault(path, name, error)
  }
  if (engine.bytesWritten < given) throw garbage(path, name)
}

function packFault(path: string, name: 'gzip' | 'zstd', error: unknown): unknown {
  const code = errorCode(error)
  if (code === 'Z_BUF_ERROR') return cutShort(path, name)
  if (code === undefined || !/^(Z_|ZSTD_)/.test(code)) return error
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    return wrong(path, name, `${path} needs a window of more than 128 MiB: pack it without --long`)
  }
  return broken(path, name)
}

function broken(path: string, name: string): Failure {
  const message = `${path} is broken, or something else follows its end: fetch it again`
  return wrong(path, name, message)
}

/** A stream that ends before it says so. */
function cutShort(path: string, name: string): Failure {
  return wrong(path, name, `${path} ends in the middle of its ${name} stream: fetch it again`)
}

/** Bytes behind a stream. */
function garbage(path: string, name: string): Failure {
  const advice = 'fetch it again, or pack it anew'
  return wrong(path, name, `${path} goes on after the end of its ${name} stream: ${advice}`)
}
