import { readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { readClusters } from '../../lib/images/clusters.ts'
import { headBytes, wrong } from '../../lib/images/format.ts'
import { readQcow2 } from '../../lib/images/qcow2.ts'

const leastStretch = 256 * 1024

/** Writes the disk in a qcow2 as a sparse file. Throws WRONG_FORMAT where it is none, or needs more than its own file. */
export async function unpackQcow2(
  from: string,
  to: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<void> {
  await using source = await open(from)
  await using target = await open(to, 'wx', 0o600)
  const { size } = await source.stat()
  const head = Buffer.alloc(headBytes)
  const { bytesRead } = await source.read(head, 0, headBytes, 0)
  if (head.toString('latin1', 0, 4) !== 'QFI\xfb') {
    throw wrong(from, 'raw', `${from} does not begin like qcow2`)
  }
  const image = readQcow2(from, head.subarray(0, bytesRead), size, mostBytes)
  await target.truncate(image.sizeBytes)
  const stretch = Buffer.alloc(Math.max(2 ** image.clusterBits, leastStretch))
  const readAt = (offset: number, into: Uint8Array): void => {
    readAll(source.fd, offset, into, from)
  }
  for (let at = 0; at < image.sizeBytes; at += stretch.length) {
    signal.throwIfAborted()
    const length = Math.min(stretch.length, image.sizeBytes - at)
    if (readClusters(image, at, length, stretch, readAt)) {
      for (let done = 0; done < length;) {
        done += (await target.write(stretch, done, length - done, at + done)).bytesWritten
      }
    } else if (at % (1024 * stretch.length) === 0) {
      // Holes are told from tables alone; others have to do in between.
      await setImmediate()
    }
  }
}

function readAll(fd: number, offset: number, into: Uint8Array, path: string): void {
  for (let done = 0; done < into.length;) {
    const read = readSync(fd, into, done, into.length - done, offset + done)
    if (read === 0) throw wrong(path, 'qcow2', `${path} ends within a cluster`)
    done += read
  }
}
