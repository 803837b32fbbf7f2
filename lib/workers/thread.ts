import { type Transferable, Worker } from 'node:worker_threads'
import { internal } from '../failure.ts'
import { type Reply, valueOf } from './reply.ts'

/** The tasks keep nothing; a small nursery lets the collector see what they leave before it piles up. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 }

/** One worker thread; it does one task at a time. */
export interface Thread {
  /** The task's value; settles only when the thread has let go of the task. */
  run(request: unknown, transfer?: readonly Transferable[]): Promise<unknown>
  readonly ended: boolean
  /** Ends it in the middle of whatever it does, whose caller gets the error. */
  end(error: unknown): Promise<void>
}

export function startThread(entry: URL): Thread {
  const worker = new Worker(entry, { resourceLimits })
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
    async run(request, transfer = []) {
      const current = Promise.withResolvers<Reply>()
      worker.postMessage(request, transfer)
      worker.ref()
      task = current
      return valueOf(await current.promise)
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
