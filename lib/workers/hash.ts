import { createHash } from 'node:crypto'
import type { Digest } from '../content/digest.ts'
import { stopped } from '../failure.ts'
import { type FileSpan, readSpan } from './reading.ts'
import { done, type Outcome, type Stopped } from './task.ts'

const blockBytes = 1024 * 1024

/** The SHA-256 of the whole span, read from front to back. */
export function hash(span: FileSpan, givenUp: Stopped): Outcome<Digest> {
  const sum = createHash('sha256')
  const block = Buffer.allocUnsafeSlow(Math.min(blockBytes, span.length))
  for (let at = 0; at < span.length; at += blockBytes) {
    if (givenUp()) throw stopped('STOPPED', `nobody waits for the digest of ${span.path} any more`)
    const length = Math.min(blockBytes, span.length - at)
    readSpan({ ...span, offset: span.offset + at, length }, block)
    sum.update(block.subarray(0, length))
  }
  return done(sum.digest('hex') as Digest)
}
