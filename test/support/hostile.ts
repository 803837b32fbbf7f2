import { joinDigests, splitDigests } from '../../lib/content/digest.ts'
import { encodeRuns } from '../../lib/chunks/plane.ts'
import { encodeRun } from '../../lib/chunks/run.ts'
import type { Run } from '../../lib/chunks/source.ts'
import { type Chunk, holding, noise, rawChunk, runOf, zstdChunk } from './chunks.ts'
import { type Line, startLine } from './line.ts'
import { served, untilAborted } from './rpc.ts'

/** How a peer misbehaves once it is asked for chunks. */
export type Evil = (run: Run, until: AbortSignal, line: Line) => AsyncIterable<Buffer>

/** A peer over a real connection that says it holds all the chunks. */
export interface HostilePeer extends AsyncDisposable {
  readonly address: string
  /** How often chunks were asked for. */
  readonly fetches: number
}

/** A peer over a real connection that does what it should. */
export function goodPeer(
  chunks: readonly Chunk[],
): Promise<{ readonly address: string } & AsyncDisposable> {
  const source = holding(chunks)
  return served({
    async findMissing({ digests }) {
      return { digests: joinDigests(await source.missing(splitDigests(digests))) }
    },
    fetchChunks: ({ digests }) => encodeRuns(source.fetch(splitDigests(digests))),
  })
}

/** `good` says how many runs of an answer are as they should be, then it does its evil and ends. */
export async function hostilePeer(
  chunks: readonly Chunk[],
  good: (fetches: number) => number,
  evil: Evil,
): Promise<HostilePeer> {
  const stack = new AsyncDisposableStack()
  const source = holding(chunks)
  let fetches = 0
  const lines: Line[] = []
  const server = stack.use(
    await served({
      findMissing: () => Promise.resolve({ digests: joinDigests([]) }),
      async *fetchChunks({ digests }, { signal }) {
        fetches++
        let left = good(fetches)
        for await (const run of source.fetch(splitDigests(digests))) {
          if (left-- > 0) {
            yield encodeRun(run)
            continue
          }
          const [line] = lines
          if (line !== undefined) yield* evil(run, signal, line)
          return
        }
      },
    }),
  )
  const line = stack.use(await startLine(server.address))
  lines.push(line)
  return {
    address: line.address,
    get fetches() {
      return fetches
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** The run with its first chunk's bytes changed. */
function withPayload(run: Run, change: (payload: Buffer, length: number) => void): Run {
  const payload = Buffer.from(run.payload)
  change(payload, run.entries[0]?.storedBytes ?? 0)
  return { ...run, payload }
}

async function* sent(...runs: readonly Run[]): AsyncGenerator<Buffer> {
  await Promise.resolve()
  for (const run of runs) yield encodeRun(run)
}

function relabelled(run: Run, chunk: Chunk): Run {
  const [first] = run.entries
  return runOf([
    { ...chunk, entry: { ...chunk.entry, digest: first?.digest ?? chunk.entry.digest } },
  ])
}

export const lies: Readonly<Record<string, Evil>> = {
  'wrong bytes of the right length': (run) =>
    sent(withPayload(run, (payload, length) => payload.fill(noise('lie', length), 0, length))),
  'one bit': (run) =>
    sent(
      withPayload(run, (payload, length) => (payload[length - 1] = (payload[length - 1] ?? 0) ^ 1)),
    ),
  'another valid chunk under this name': (run) =>
    sent(relabelled(run, rawChunk(noise('other', 5000)))),
  'another codec than it says': (run) => {
    const entries = run.entries.map((entry) => ({ ...entry, codec: 'zstd' as const }))
    return sent({ ...run, entries })
  },
  'a chunk that unpacks to more than it says': (run) => {
    const bomb = zstdChunk(Buffer.alloc(200_000))
    const small = { ...bomb, entry: { ...bomb.entry, rawBytes: bomb.entry.storedBytes + 1 } }
    return sent(relabelled(run, small))
  },
  'a chunk that was not asked for': (run) => sent(runOf([rawChunk(noise('unasked', 3000))]), run),
  'a chunk twice': (run) => sent(run, run),
  'what is no message': async function* () {
    await Promise.resolve()
    yield noise('garbage', 20_000)
  },
}

const never = async function* (_: Run, until: AbortSignal): AsyncGenerator<Buffer> {
  await untilAborted(until)
  yield* []
}

export const stalls: Readonly<Record<string, Evil>> = { 'for ever': never }

export const truncations: Readonly<Record<string, Evil>> = {
  'with an end that says all is well': async function* () {
    await Promise.resolve()
    yield* []
  },
}

export const vanishings: Readonly<Record<string, Evil>> = {
  'with a reset of the connection': async function* (_, until, line) {
    await Promise.resolve()
    line.cut()
    await untilAborted(until)
    yield* []
  },
}
