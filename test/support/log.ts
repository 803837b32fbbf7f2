import { pino, type Logger } from 'pino'

/** A line of a log. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg: string }

/** A log that a test can read, and wait for. */
export interface Recorder {
  readonly log: Logger
  readonly lines: readonly Line[]
  /** The first line with this text, now or when it comes. */
  line(msg: string): Promise<Line>
}

export function recorder(): Recorder {
  const lines: Line[] = []
  const waiting = new Set<{ readonly msg: string; readonly resolve: (line: Line) => void }>()
  const write = (text: string): void => {
    const line = JSON.parse(text) as Line
    lines.push(line)
    for (const one of waiting) if (one.msg === line.msg) one.resolve(line)
  }
  return {
    log: pino({ level: 'trace', base: null }, { write }),
    lines,
    line: (msg) => {
      const known = lines.find((line) => line.msg === msg)
      if (known !== undefined) return Promise.resolve(known)
      const { promise, resolve } = Promise.withResolvers<Line>()
      waiting.add({ msg, resolve })
      return promise
    },
  }
}
