import { SingleBar } from 'cli-progress'
import { bytes, duration } from './units.ts'

/** How far long work is. */
export interface Progress {
  /** What is going on: `publishing debian-13.0-std-x86`. */
  readonly label: string
  readonly doneBytes: number
  /** 0 where it is not known yet. */
  readonly totalBytes: number
  /** What came from where. */
  readonly detail: string
}

/** Shows progress until it is disposed of. */
export interface Meter extends Disposable {
  show(progress: Progress): void
}

export type Now = () => number

/** Shows nothing. */
export const silent = (): Meter => ({ show: () => undefined, [Symbol.dispose]: () => undefined })

/** A bar on a terminal, redrawn in place. */
export function bar(stream: NodeJS.WriteStream, now: Now): Meter {
  let line = ''
  const pace = paced(now)
  const drawn = new SingleBar({
    stream,
    format: () => line,
    fps: 8,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
    forceRedraw: true,
  })
  return {
    show: (progress) => {
      const width = Math.max(40, stream.columns)
      line = barLine(progress, pace(progress.doneBytes), width)
      if (drawn.isActive) drawn.update(progress.doneBytes)
      else drawn.start(Math.max(1, progress.totalBytes), progress.doneBytes)
    },
    [Symbol.dispose]: () => {
      drawn.stop()
    },
  }
}

const everyMs = 3_000

/** A plain line every few seconds, where nothing can be redrawn; none for short work. */
export function lines(write: (line: string) => void, now: Now): Meter {
  const pace = paced(now)
  let last = now()
  return {
    show: (progress) => {
      const rate = pace(progress.doneBytes)
      if (now() - last < everyMs) return
      last = now()
      write(plainLine(progress, rate))
    },
    [Symbol.dispose]: () => undefined,
  }
}

const windowMs = 5_000

/** Bytes a second over the last seconds; 0 until that can be said. */
export function paced(now: Now): (doneBytes: number) => number {
  let samples: { at: number; done: number }[] = []
  return (done) => {
    const at = now()
    samples = samples.filter((sample) => sample.at >= at - windowMs)
    const newest = samples.at(-1)
    // Samples 100 ms apart are enough, and keep the window small however often progress is told.
    if (newest === undefined || at - newest.at >= 100) samples.push({ at, done })
    const [oldest] = samples
    return oldest === undefined || at - oldest.at < 500
      ? 0
      : ((done - oldest.done) * 1000) / (at - oldest.at)
  }
}

const [leastBar, mostBar] = [8, 30]

/** One line that fits the terminal: the bar gives way to the words, and these end where the line does. */
export function barLine(progress: Progress, perSecond: number, width: number): string {
  const { label, doneBytes, totalBytes, detail } = progress
  const words = [figures(progress, perSecond), detail].filter((part) => part !== '').join('  ')
  const room = width - label.length - words.length - 5
  const length = Math.max(leastBar, Math.min(mostBar, room))
  const filled = totalBytes > 0 ? Math.min(length, (doneBytes * length) / totalBytes) : 0
  const drawn = '━'.repeat(Math.floor(filled)).padEnd(length, '─')
  return `${label}  ${drawn}  ${words}`.slice(0, width - 1)
}

export function plainLine(progress: Progress, perSecond: number): string {
  const { label, detail } = progress
  return `${label}: ${figures(progress, perSecond)}${detail === '' ? '' : `; ${detail}`}`
}

function figures({ doneBytes, totalBytes }: Progress, perSecond: number): string {
  const speed = perSecond > 0 ? [`${bytes(perSecond)}/s`] : []
  if (totalBytes === 0) return [bytes(doneBytes), ...speed].join(', ')
  const percent = `${Math.min(100, Math.floor((doneBytes * 100) / totalBytes))} %`
  const left = Math.max(0, totalBytes - doneBytes)
  const eta = perSecond > 0 && left > 0 ? [`${duration((left * 1000) / perSecond)} left`] : []
  return [percent, `${bytes(doneBytes)} of ${bytes(totalBytes)}`, ...speed, ...eta].join(', ')
}
