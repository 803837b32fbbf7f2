import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface LineOptions {
  /** How long bytes are under way, each way: a round trip takes twice that. */
  readonly delayMs?: number
  /** What the line carries in a second, each way, whatever the connections. */
  readonly bytesPerSecond?: number
  /** Asked after every 64 KiB that came in, either way, how many before it: true resets the connection they came over. */
  readonly cuts?: (before: number) => boolean
}

/** A line to a TCP server. */
export interface Line extends AsyncDisposable {
  readonly address: string
  /** Bytes that were passed on towards the client and towards the server. */
  readonly passed: { readonly down: number; readonly up: number }
  /** Connections that were reset. */
  readonly resets: number
  /** Resets every connection that is open. */
  cut(): void
}

const cutBytes = 64 * 1024

/** Stands before a server as a line that is slow and now and then cut. */
export async function startLine(target: string, options: LineOptions = {}): Promise<Line> {
  const [host = '', port = ''] = target.split(':')
  const passed = { down: 0, up: 0 }
  const pairs = new Set<() => void>()
  let [resets, came, asked] = [0, 0, 0]
  const lanes = { down: lane(options), up: lane(options) }
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host, port: Number(port), noDelay: true })
    const end = (): void => {
      if (!pairs.delete(end)) return
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    pairs.add(end)
    const count = (bytes: number): void => {
      came += bytes
      for (; came >= (asked + 1) * cutBytes; asked++) {
        if (options.cuts?.(asked) !== true) continue
        resets++
        end()
      }
    }
    for (const [from, to, way] of [[far, near, 'down'] as const, [near, far, 'up'] as const]) {
      from.on('error', end).on('close', end)
      carry(from, to, lanes[way], (bytes) => {
        passed[way] += bytes
        count(bytes)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  const cut = (): void => {
    for (const end of pairs) end()
  }
  return {
    address: `127.0.0.1:${typeof bound === 'object' ? (bound?.port ?? 0) : 0}`,
    passed,
    get resets() {
      return resets
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}

/** When bytes that come now are through, and how many may be under way. */
interface Lane {
  readonly due: (bytes: number) => number
  readonly holds: number
}

/** All connections share what the line carries. Beyond what is under way it holds back 20 ms, as a router would. */
function lane({ delayMs = 0, bytesPerSecond = Infinity }: LineOptions): Lane {
  let free = 0
  return {
    due(bytes) {
      free = Math.max(free, performance.now()) + (bytes / bytesPerSecond) * 1000
      return free + delayMs
    },
    holds: Math.max(64 * 1024, (bytesPerSecond * (delayMs + 20)) / 1000),
  }
}

function carry(from: Socket, to: Socket, lane: Lane, onBytes: (bytes: number) => void): void {
  const waiting: { readonly piece: Buffer; readonly due: number }[] = []
  let held = 0
  let timer: NodeJS.Timeout | undefined
  const deliver = (): void => {
    timer = undefined
    for (;;) {
      const [first] = waiting
      if (first === undefined || to.destroyed) return
      const early = first.due - performance.now()
      if (early > 0.5) {
        timer = setTimeout(deliver, early)
        return
      }
      waiting.shift()
      held -= first.piece.length
      onBytes(first.piece.length)
      to.write(first.piece)
      if (held < lane.holds) from.resume()
    }
  }
  from.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 16_384) {
      const piece = bytes.subarray(at, at + 16_384)
      waiting.push({ piece, due: lane.due(piece.length) })
      held += piece.length
    }
    if (held >= lane.holds) from.pause()
    timer ??= setTimeout(deliver, 0)
  })
}
