import { parentPort } from 'node:worker_threads'
import { compress } from './compress.ts'
import { expand } from './expand.ts'
import { makeFrames } from './frames.ts'
import { rebuild } from './rebuild.ts'
import { recompress } from './recompress.ts'
import { failedReply, type Reply } from './reply.ts'
import { segment } from './segment.ts'
import type { Outcome } from './task.ts'
import { unpack } from './unpack.ts'
import { fingerprint, verify } from './verify.ts'

// The entry of every thread of the pool: does one task after another, as they are sent.

export interface Tasks {
  readonly segment: typeof segment
  readonly compress: typeof compress
  readonly verify: typeof verify
  readonly fingerprint: typeof fingerprint
  readonly expand: typeof expand
  readonly frames: typeof makeFrames
  readonly rebuild: typeof rebuild
  readonly recompress: typeof recompress
  readonly unpack: typeof unpack
}

/** A task as it is sent to a thread. */
export type Request = {
  readonly [Name in keyof Tasks]: {
    readonly name: Name
    readonly input: Parameters<Tasks[Name]>[0]
  }
}[keyof Tasks]

parentPort?.on('message', (request: Request) => {
  try {
    const { value, transfer } = perform(request)
    const reply: Reply = { kind: 'done', value }
    parentPort?.postMessage(reply, transfer)
  } catch (error) {
    parentPort?.postMessage(failedReply(error))
  }
})

function perform(request: Request): Outcome<unknown> {
  switch (request.name) {
    case 'segment':
      return segment(request.input)
    case 'compress':
      return compress(request.input)
    case 'verify':
      return verify(request.input)
    case 'fingerprint':
      return fingerprint(request.input)
    case 'expand':
      return expand(request.input)
    case 'frames':
      return makeFrames(request.input)
    case 'rebuild':
      return rebuild(request.input)
    case 'recompress':
      return recompress(request.input)
    case 'unpack':
      return unpack(request.input)
  }
}
