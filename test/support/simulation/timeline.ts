import { createHash } from 'node:crypto'
import type { Clock } from '../../../lib/chunks/clock.ts'
import { eventQueue } from './queue.ts'

/** A process from its start to its end. Of one that has ended nothing goes on, wherever it was. */
export interface Life {
  readonly name: string
  isOver: boolean
}

/** Time that goes on only from one event to the next, and what happened in it. */
export interface Timeline {
  /** Milliseconds since the beginning. */
  now(): number
  /** Has something happen later; the result takes it back. Nothing happens to a life that is over. */
  after(ms: number, what: string, act: () => void, life?: Life): () => void
  sleep(life: Life): Clock['sleep']
  /** Adds a line to the trace. */
  note(what: string): void
  /** Adds something to that line for whoever reads it, which may differ from run to run. */
  explain(what: string): void
  /** Lets the next event happen, and all that follows from it at once; false if there is none. */
  readonly step: () => Promise<boolean>
  readonly steps: number
  /** Of the whole trace: two runs that have the same did the same. */
  digest(): string
  /** The last lines, or all of them if they are kept. */
  readonly lines: readonly string[]
}

const linesKept = 40

export function timeline(keepsAll = false): Timeline {
  const queue = eventQueue()
  const hash = createHash('sha256')
  const lines: string[] = []
  let [now, steps] = [0, 0]
  const note = (what: string): void => {
    const line = `${(now / 1000).toFixed(3).padStart(9)} ${what}`
    hash.update(line)
    lines.push(line)
    if (!keepsAll && lines.length > linesKept) lines.shift()
  }
  const after: Timeline['after'] = (ms, what, act, life) => {
    const event = { at: now + Math.max(0, ms), what, act, life }
    return queue.add(event)
  }
  return {
    now: () => now,
    after,
    sleep: (life) => (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const stop = (): void => {
          cancel()
          reject(signal.reason as Error)
        }
        const wake = (): void => {
          signal.removeEventListener('abort', stop)
          resolve()
        }
        const cancel = after(ms, `${life.name} wakes`, wake, life)
        signal.addEventListener('abort', stop, { once: true })
      }),
    note,
    explain(what) {
      if (keepsAll) lines.push(`          ${what}`)
    },
    step: async () => {
      const event = queue.next()
      if (event === undefined) return false
      now = event.at
      if (event.life?.isOver === true) return true
      steps++
      note(event.what)
      event.act()
      await settled()
      return true
    },
    get steps() {
      return steps
    },
    digest: () => hash.copy().digest('hex'),
    lines,
  }
}

/** Nothing here waits for a real thing but for turns of the loop: when none of these is left, everybody waits for an event. */
async function settled(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve))
  while (process.getActiveResourcesInfo().includes('Immediate'))
}
