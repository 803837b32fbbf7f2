import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { checkAbsent, createPartial } from '../images/partial.ts'
import { writeFault } from '../workers/faults.ts'

export interface SaveOptions {
  /** Whether files that are already there may be replaced. */
  readonly replace: boolean
  /** A word that nobody else uses for a file beside this one. */
  readonly random: string
}

/**
 * Writes a file, which appears at the path whole and durable or not at all, and its checksum beside it as `sha256sum` prints it.
 * Answers with its size.
 */
export async function saveFile(
  path: string,
  parts: AsyncIterable<Uint8Array>,
  { replace, random }: SaveOptions,
): Promise<number> {
  const beside = `${path}.sha256`
  if (!replace) await Promise.all([path, beside].map(checkAbsent))
  const hash = createHash('sha256')
  let sizeBytes = 0
  await using partial = await createPartial(path, random, 0)
  for await (const part of parts) {
    hash.update(part)
    await writeAll(partial.handle, part, path)
    sizeBytes += part.length
  }
  await using sum = await createPartial(beside, random, 0)
  await writeAll(sum.handle, Buffer.from(sumLine(hash.digest('hex'), basename(path))), beside)
  await partial.publish(replace)
  await sum.publish(replace)
  return sizeBytes
}

/** As `sha256sum` prints it, which escapes what would break a line. */
function sumLine(digest: string, name: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${escaped === name ? '' : '\\'}${digest}  ${escaped}\n`
}

async function writeAll(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten
  } catch (error) {
    throw writeFault(path, error)
  }
}
