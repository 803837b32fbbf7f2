import { type Transferable, Worker } from 'node:worker_threads'
import { internal } from '../failure.ts'
import { type Reply, valueOf } from './reply.ts'

/** The tasks keep nothing; a small nursery lets the collector see what they leave before it piles up. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 }

/** One worker thread; it does one task at a time. */
export interface Thread {
  /** The task's value. Settles only when the thread has let go of the task, even when the signal aborts. */
  run(request: unknown, signal?: AbortSignal, transfer?: readonly Transferable[]): Promise<unknown>
  readonly ended: boolean
  /** Ends it in the middle of whatever it does, whose caller gets the error. */
  end(error: unknown): Promise<void>
}

export function startThread(entry: URL): Thread {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(entry, { workerData: flag, resourceLimits })
  let task: PromiseWithResolvers<Reply> | undefined
  let ended = false
  let fault: unknown
  const settle = (act: (task: PromiseWithResolvers<Reply>) => void): void => {
    if (task !== undefined) act(task)
    task = undefined
    worker.unref()
  }
  worker.unref()
  worker.on('message', (reply: Reply) => {
    settle((current) => {
      current.resolve(reply)
    })
  })
  worker.on('error', (error) => {
    fault ??= internal('INTERNAL', 'a worker thread broke', {}, error)
  })
  worker.on('exit', (code) => {
    ended = true
    settle((current) => {
      current.reject(fault ?? internal('INTERNAL', `a worker thread ended with code ${code}`))
    })
  })
  return {
    async run(request, signal, transfer = []) {
      const current = Promise.withResolvers<Reply>()
      Atomics.store(flag, 0, 0)
      worker.postMessage(request, transfer)
      worker.ref()
      task = current
      return valueOf(await raising(flag, current.promise, signal))
    },
    get ended() {
      return ended
    },
    async end(error) {
      fault ??= error
      await worker.terminate()
    },
  }
}

/** Tells the thread when the signal aborts. */
async function raising<T>(flag: Int32Array, promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  const raise = (): void => {
    Atomics.store(flag, 0, 1)
  }
  signal?.addEventListener('abort', raise, { once: true })
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', raise)
  }
}
