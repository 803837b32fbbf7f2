import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { type Bell, makeBell } from '../../lib/bell.ts'
import { type Digest } from '../../lib/content/digest.ts'
import { Fault } from './fault.ts'

/** What a build says, in a file until the portal has it. */
export interface Journal extends Disposable {
  /** Adds what a command says. What goes over the limit is cut, with a note, and is a fault. */
  readonly listen: (part: Uint8Array) => void
  /** Adds a line of the builder's own. */
  say(line: string): void
  readonly bytes: number
  /** The digest of what is there so far. */
  digest(): Digest
  /** A part of it, from a byte on; empty at its end. */
  read(offset: number, most: number): Buffer
  /** Rings when there is more. */
  readonly bell: Bell
}

/** Kept free for what the builder says last. */
const reserve = 8 * 1024

export function openJournal(path: string, limit: number): Journal {
  const fd = openSync(path, 'w+', 0o600)
  const hash = createHash('sha256')
  const bell = makeBell()
  let bytes = 0
  const add = (part: Uint8Array): void => {
    for (let at = 0; at < part.length;) at += writeSync(fd, part, at)
    hash.update(part)
    bytes += part.length
    bell.ring()
  }
  const room = (): number => Math.max(0, limit - bytes)
  return {
    listen: (part) => {
      const left = Math.max(0, room() - reserve)
      add(part.subarray(0, left))
      if (part.length > left) {
        throw new Fault(
          'LOG',
          `The log has reached its limit of ${limit} bytes; the rest is cut off.`,
        )
      }
    },
    say: (line) => {
      add(Buffer.from(`${line}\n`).subarray(0, room()))
    },
    get bytes() {
      return bytes
    },
    digest: () => hash.copy().digest('hex') as Digest,
    read: (offset, most) => {
      const part = Buffer.alloc(Math.min(most, Math.max(0, bytes - offset)))
      return part.subarray(0, readSync(fd, part, 0, part.length, offset))
    },
    bell,
    [Symbol.dispose]: () => {
      closeSync(fd)
    },
  }
}
