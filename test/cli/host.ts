import { randomUUID } from 'node:crypto'
import type { Host } from '../../cli/main.ts'
import { silent } from '../../cli/progress.ts'

/** A process for a command that keeps what it says. */
export function recordingHost(server: string, signal = new AbortController().signal) {
  const out: string[] = []
  const err: string[] = []
  const written: Uint8Array[] = []
  let ticks = 0
  const host: Host = {
    server,
    self: { caller: 'admin' },
    settingsFolder: '/nowhere',
    today: () => new Date(),
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    write: (bytes) => {
      written.push(Buffer.from(bytes))
      return Promise.resolve()
    },
    meter: silent,
    paint: (_colour, text) => text,
    signal,
    newId: randomUUID,
    now: () => ticks++,
    folder: '/',
  }
  return { host, out, err, written }
}
