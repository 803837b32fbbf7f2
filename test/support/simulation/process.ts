import type { Life, Timeline } from './timeline.ts'

/** A process that can be ended between any two things that it does to the world. */
export interface Process extends Life {
  /** What the clock on the wall says where it runs. */
  readonly now: () => Date
  /** Does something to the world in so many milliseconds. */
  act<T>(what: string, ms: number, effect: () => T): Promise<T>
  /** Something happened by which it may be ended; true if it is over. */
  moment(): boolean
  /** Has it end at that moment from now. */
  endIn(moments: number, how: (process: Process) => void): void
}

export function startProcess(name: string, time: Timeline, now: () => Date): Process {
  let [left, end] = [Infinity, (_: Process): void => undefined]
  const process: Process = {
    name,
    now,
    isOver: false,
    act<T>(what: string, ms: number, effect: () => T) {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const happen = (): void => {
        if (process.moment()) return
        try {
          const result = effect()
          if (!process.moment()) resolve(result)
        } catch (error) {
          if (!process.moment()) reject(error)
        }
      }
      time.after(ms, `${name} ${what}`, happen, process)
      return promise
    },
    moment() {
      if (!process.isOver && --left <= 0) end(process)
      return process.isOver
    },
    endIn(moments, how) {
      left = moments
      end = how
    },
  }
  return process
}
