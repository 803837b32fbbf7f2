import { segmentBytes } from '../content/extents.ts'
import type { Lease, Shelf } from '../workers/shelf.ts'
import type { Filling } from '../workers/segment.ts'
import type { Slot } from '../workers/slot.ts'
import { checkUnpacked, headBytes, wrong } from './format.ts'

/** A stretch of an input on its way to be cut; whoever takes it gives its memory back. */
export interface Segment {
  readonly lease: Lease<Slot>
  readonly length: number
  readonly filling: Filling
  /** What was read of the input for it. */
  readonly inputBytes: number
}

/** The segments of a disk of which every place can be read. */
export async function* placedSegments(
  sizeBytes: number,
  fillingAt: (offset: number) => Filling,
  memory: Shelf<Slot>,
  stop: AbortSignal,
): AsyncGenerator<Segment, void, undefined> {
  for (let at = 0; at < sizeBytes; at += segmentBytes) {
    const length = Math.min(segmentBytes, sizeBytes - at)
    const lease = await memory.take(stop)
    yield { lease, length, filling: fillingAt(at), inputBytes: length }
  }
}

/** The segments of bytes that come one after another; `read` says how many bytes of the file were read so far. */
export async function* streamedSegments(
  { path, mostBytes }: { readonly path: string; readonly mostBytes: number },
  blocks: AsyncIterable<Buffer>,
  read: () => number,
  memory: Shelf<Slot>,
  stop: AbortSignal,
): AsyncGenerator<Segment, void, undefined> {
  let lease = await memory.take(stop)
  let [length, total, told] = [0, 0, 0]
  const filled = (): Segment => {
    if (total <= segmentBytes) checkUnpacked(path, lease.item.slice(0, Math.min(headBytes, total)))
    const inputBytes = read() - told
    told += inputBytes
    return { lease, length, filling: { kind: 'filled' }, inputBytes }
  }
  for await (const block of blocks) {
    total += block.length
    if (total > mostBytes) {
      const message = `${path} unpacks to more than the ${mostBytes} bytes allowed: see --max-size`
      throw wrong(path, 'too large', message)
    }
    for (let at = 0; at < block.length;) {
      if (length === segmentBytes) {
        yield filled()
        lease = await memory.take(stop)
        length = 0
      }
      const part = block.subarray(at, at + segmentBytes - length)
      lease.item.set(part, length)
      length += part.length
      at += part.length
    }
  }
  yield filled()
}
