import { hasChecksum, headerBytes } from '../content/frame.ts'
import type { Failure } from '../failure.ts'

const magic = 0xfd2fb528
const [skippable, rle, reserved] = [0x184d2a50, 1, 3]

/** What the next few bytes are, as RFC 8878 orders them, and how many. */
const partBytes = { magic: 4, skippableSize: 4, descriptor: 1, block: 3 } as const
type Part = keyof typeof partBytes

/** What a part says: what comes after the bytes that it announces. A frame ends where the next magic is to come. */
interface Step {
  readonly skip: number
  readonly next: Part
}

/**
 * The same bytes, in pieces of which none reaches over the end of a zstd frame: node:zlib takes a frame's end inside what it is
 * given for the end of all.
 */
// eslint-disable-next-line complexity -- one state machine reads better than its parts
export async function* framePieces(
  stored: AsyncIterable<Buffer>,
  broken: () => Failure,
  cutShort: () => Failure,
): AsyncGenerator<Buffer, void, undefined> {
  let part: Part = 'magic'
  let head: number[] = []
  let skip = 0
  let withChecksum = false
  for await (const block of stored) {
    let start = 0
    for (let at = 0; at < block.length;) {
      if (skip === 0) {
        head.push(block[at++] ?? 0)
        if (head.length < partBytes[part]) continue
        if (part === 'descriptor') withChecksum = hasChecksum(head[0] ?? 0)
        const step = stepOf(part, head, withChecksum)
        if (step === undefined) throw broken()
        ;({ skip, next: part } = step)
        head = []
      }
      const passed = Math.min(skip, block.length - at)
      at += passed
      skip -= passed
      if (part !== 'magic' || skip > 0) continue
      yield block.subarray(start, at)
      start = at
    }
    if (start < block.length) yield block.subarray(start)
  }
  if (part !== 'magic' || head.length > 0 || skip > 0) throw cutShort()
}

function stepOf(part: Part, head: readonly number[], withChecksum: boolean): Step | undefined {
  const value = head.reduceRight((sum, byte) => sum * 256 + byte, 0)
  switch (part) {
    case 'magic':
      if (value === magic) return { skip: 0, next: 'descriptor' }
      return value - (value % 16) === skippable ? { skip: 0, next: 'skippableSize' } : undefined
    case 'skippableSize':
      return { skip: value, next: 'magic' }
    case 'descriptor':
      return { skip: headerBytes(value), next: 'block' }
    case 'block':
      return blockStep(value, withChecksum)
  }
}

function blockStep(value: number, withChecksum: boolean): Step | undefined {
  const type = (value >> 1) & 3
  if (type === reserved) return undefined
  const content = type === rle ? 1 : value >> 3
  if ((value & 1) === 0) return { skip: content, next: 'block' }
  return { skip: content + (withChecksum ? 4 : 0), next: 'magic' }
}
