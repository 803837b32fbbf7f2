// How many denied attempts become events of their own, so that nobody fills the database: the others are counted.

const burst = 10
const refillMs = 10 * 60_000
const burstOfAll = 200
const refillOfAllMs = 3_000
/** More callers than these are counted together. */
const mostKeys = 1000
const others = ''

/** A bucket of tokens: full at first, and one more every so often. */
interface Bucket {
  tokens: number
  at: number
}

interface Count<T> extends Bucket {
  suppressed: number
  last: T
}

/** An attempt that becomes an event, with how many before it did not. */
export interface Admitted<T> {
  readonly attempt: T
  readonly suppressed: number
}

export interface Allowance<T> {
  /** Counts an attempt of somebody; undefined if it is to be no event of its own. */
  take(key: string, attempt: T, now: number): Admitted<T> | undefined
  /** The last attempts of those who were cut short and whose time has come again; of all of them at the end. */
  rest(now: number, isEnd: boolean): readonly Admitted<T>[]
}

export function makeAllowance<T>(): Allowance<T> {
  const counts = new Map<string, Count<T>>()
  const all: Bucket = { tokens: burstOfAll, at: 0 }
  const countOf = (key: string, last: T, now: number): Count<T> => {
    const known = counts.get(key)
    if (known !== undefined) return known
    if (counts.size >= mostKeys && key !== others) return countOf(others, last, now)
    const count = { tokens: burst, at: now, suppressed: 0, last }
    counts.set(key, count)
    return count
  }
  const spend = (count: Count<T>, now: number): boolean => {
    refill(count, now, burst, refillMs)
    refill(all, now, burstOfAll, refillOfAllMs)
    if (count.tokens < 1 || all.tokens < 1) return false
    count.tokens--
    all.tokens--
    return true
  }
  return {
    take(key, attempt, now) {
      const count = countOf(key, attempt, now)
      count.last = attempt
      if (spend(count, now)) return { attempt, suppressed: settled(count) }
      count.suppressed++
      return undefined
    },
    rest(now, isEnd) {
      const due: Admitted<T>[] = []
      for (const [key, count] of counts) {
        if (count.suppressed > 0 && (isEnd || spend(count, now))) {
          // The last one is an event now, so it is not among those that are not.
          due.push({ attempt: count.last, suppressed: settled(count) - 1 })
        }
        refill(count, now, burst, refillMs)
        if (count.suppressed === 0 && count.tokens === burst) counts.delete(key)
      }
      return due
    },
  }
}

function settled(count: { suppressed: number }): number {
  const { suppressed } = count
  count.suppressed = 0
  return suppressed
}

function refill(bucket: Bucket, now: number, most: number, everyMs: number): void {
  const more = Math.floor((now - bucket.at) / everyMs)
  if (more <= 0) return
  bucket.tokens = Math.min(most, bucket.tokens + more)
  bucket.at += more * everyMs
}
