import { setImmediate } from 'node:timers/promises'
import { chunkPlane } from '../../lib/chunks/plane.ts'
import type { Identify } from '../../lib/rpc/caller.ts'
import { connect, openChannel, type Channel, type Remote } from '../../lib/rpc/connect.ts'
import { insecurely, type Security } from '../../lib/rpc/security.ts'
import { mount, type Call } from '../../lib/rpc/serve.ts'
import { listen, type Listening } from '../../lib/rpc/server.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { recorder, type Recorder } from './log.ts'

const asSent = (bytes: Buffer): Buffer => bytes

/** The chunk service, with whatever bytes a test sends as a run. */
export const plane = {
  ...chunkPlane,
  fetchChunks: { ...chunkPlane.fetchChunks, responseSerialize: asSent },
}

type Plane = Service<typeof plane, [call: Call]>

/** A server in this process with a client of it. */
export interface Served extends AsyncDisposable {
  readonly address: string
  readonly channel: Channel
  readonly client: Remote<typeof chunkPlane>
  readonly server: Listening
  readonly recorder: Recorder
}

export interface ServedOptions {
  readonly identify?: Identify
  readonly security?: Security
  readonly recognise?: (error: unknown) => unknown
  readonly allow?: boolean
  readonly descriptors?: Uint8Array
}

const idle: Plane = {
  findMissing: () => Promise.resolve({ digests: Buffer.alloc(0) }),
  getFingerprints: () => Promise.resolve({ fingerprints: Buffer.alloc(0) }),
  fetchChunks: () => streamOf(),
  storeChunks: () => Promise.resolve({}),
}

/** Serves handlers of one's own for a service that has a call of each kind, and whose stream messages are plain bytes. */
export async function served(
  handlers: Partial<Plane> = {},
  options: ServedOptions = {},
): Promise<Served> {
  const { security = insecurely('portal'), recognise = asItIs, allow = true, descriptors } = options
  const { identify = security.identify } = options
  const rule = () => allow
  const access = {
    findMissing: rule,
    getFingerprints: rule,
    fetchChunks: rule,
    storeChunks: rule,
  }
  const stack = new AsyncDisposableStack()
  const recorded = recorder()
  const gate = { identify, recognise, log: recorded.log, clock: () => performance.now() }
  const service = mount(plane, { ...idle, ...handlers }, access)
  const server = stack.use(
    await listen('127.0.0.1:0', [service], gate, descriptors, security.server('certificates')),
  )
  const address = `127.0.0.1:${server.port}`
  const channel = stack.use(openChannel(address, 'producer:test'))
  return {
    address,
    channel,
    client: connect(chunkPlane, channel),
    server,
    recorder: recorded,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const asItIs = (error: unknown): unknown => error

export const nothing = { digests: Buffer.alloc(0), uploadId: '' } as const

/** The items as a stream. */
export async function* streamOf<T>(...items: readonly T[]): AsyncGenerator<T> {
  await Promise.resolve()
  yield* items
}

/** Resolves when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve(signal.reason)
    }
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}

/** The number, once it has stood still for many turns of the event loop: everything that can happen has happened. */
export async function settled(count: () => number): Promise<number> {
  for (let still = 0, last = count(); still < 2000; still++) {
    await setImmediate()
    if (count() !== last) still = 0
    last = count()
  }
  return count()
}
