import { readSync } from 'node:fs'
import { fileChanged, readFault } from './faults.ts'

/** A stretch of an open file. The descriptor belongs to the process, so a thread can use what another opened. */
export interface FileSpan {
  readonly path: string
  readonly fd: number
  readonly offset: number
  readonly length: number
}

/** Fills the start of `into` with the span, or throws FILE_CHANGED where the file ends before it does. */
export function readSpan({ path, fd, offset, length }: FileSpan, into: Uint8Array): void {
  try {
    for (let done = 0; done < length;) {
      const count = readSync(fd, into, done, length - done, offset + done)
      if (count === 0) throw fileChanged(path)
      done += count
    }
  } catch (error) {
    throw readFault(path, error)
  }
}
