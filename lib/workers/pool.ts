import type { Transferable } from 'node:worker_threads'
import { stopped } from '../failure.ts'
import { shelf } from './shelf.ts'
import { startThread, type Thread } from './thread.ts'
import type { Tasks } from './worker.ts'

export type TaskName = keyof Tasks
export type TaskInput<Name extends TaskName> = Parameters<Tasks[Name]>[0]
export type TaskValue<Name extends TaskName> = ReturnType<Tasks[Name]>['value']

/** Threads that do tasks in the order in which they are given. Disposing ends them and fails what is under way. */
export interface Pool extends AsyncDisposable {
  readonly threads: number
  /** Starts the threads now, so that the first tasks need not wait for that. */
  warm(): void
  /**
   * Does the task in a thread. When the signal aborts, a task that waits is dropped, and one that runs is waited for: once
   * this settles no thread touches the input's file descriptor or slot any more. What is to be transferred moves to the thread.
   */
  run<Name extends TaskName>(
    name: Name,
    input: TaskInput<Name>,
    signal?: AbortSignal,
    transfer?: readonly Transferable[],
  ): Promise<TaskValue<Name>>
}

/** Threads start when they are first needed, and one that broke is replaced when the next task comes. */
export function startPool(threads: number, entry = new URL('./worker.ts', import.meta.url)): Pool {
  const started = new Set<Thread>()
  const start = (): Thread => {
    const thread = startThread(entry)
    started.add(thread)
    return thread
  }
  const closing = stopped('STOPPED', 'the worker threads are stopping')
  let open = true
  const warmed: Thread[] = []
  const seats = shelf(threads, () => ({ thread: warmed.pop() ?? start() }))
  return {
    threads,
    warm() {
      while (open && started.size < threads) warmed.push(start())
    },
    async run<Name extends TaskName>(
      name: Name,
      input: TaskInput<Name>,
      signal?: AbortSignal,
      transfer?: readonly Transferable[],
    ) {
      using seat = await seats.take(signal)
      signal?.throwIfAborted()
      if (!open) throw closing
      if (seat.item.thread.ended) {
        started.delete(seat.item.thread)
        seat.item.thread = start()
      }
      const value = await seat.item.thread.run({ name, input }, transfer)
      signal?.throwIfAborted()
      // The thread does the task of this name and no other (worker.ts).
      return value as TaskValue<Name>
    },
    async [Symbol.asyncDispose]() {
      open = false
      seats.close(closing)
      await Promise.all(Array.from(started, (thread) => thread.end(closing)))
    },
  }
}
