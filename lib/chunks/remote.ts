import { batchesOf } from '../batches.ts'
import { joinDigests, splitDigests, type Digest } from '../content/digest.ts'
import type { Remote } from '../rpc/connect.ts'
import { chunkPlane, decodeRuns, encodeRuns, encodeUploadId } from './plane.ts'
import type { ChunkSource, ChunkStore, Run } from './source.ts'

export type RemoteChunks = Remote<typeof chunkPlane>

/** What lets one agent ask another; asked for before each call. */
export type TicketOf = (signal?: AbortSignal) => Promise<Buffer | undefined>

const noTicket: TicketOf = () => Promise.resolve(undefined)

/** What one FindMissing takes. */
const askAtOnce = 8192
/** What one FetchChunks takes. */
const fetchAtOnce = 4096

/** The chunks at the other end of a channel: the portal's or a peer's. */
export function remoteSource(chunks: RemoteChunks, ticketOf: TicketOf = noTicket): ChunkSource {
  return {
    missing: async (digests, signal) => {
      const ticket = await ticketOf(signal)
      return missing(chunks, { uploadId: '', ticket }, digests, signal)
    },
    async *fetch(digests, signal) {
      const ticket = await ticketOf(signal)
      for (let at = 0; at < digests.length; at += fetchAtOnce) {
        const asked = joinDigests(digests.slice(at, at + fetchAtOnce))
        yield* decodeRuns(chunks.fetchChunks({ digests: asked, ticket }, { signal }))
      }
    },
  }
}

/** What the chunks are recognised by, as the other end says, part by part, in their order. */
export async function* remoteFingerprints(
  chunks: RemoteChunks,
  digests: readonly Digest[],
  signal: AbortSignal,
): AsyncGenerator<{ readonly digests: readonly Digest[]; readonly fingerprints: Buffer }> {
  for (const some of batchesOf(digests, askAtOnce)) {
    yield {
      digests: some,
      ...(await chunks.getFingerprints({ digests: joinDigests(some) }, { signal })),
    }
  }
}

/** The portal's chunks, to add to under an upload. */
export function remoteStore(
  chunks: RemoteChunks,
  uploadId: string,
): Pick<ChunkStore, 'missing' | 'store'> {
  return {
    missing: (digests, signal) => missing(chunks, { uploadId }, digests, signal),
    async store(runs, signal) {
      await chunks.storeChunks(upload(uploadId, runs), { signal })
    },
  }
}

async function* upload(uploadId: string, runs: AsyncIterable<Run>): AsyncGenerator<Buffer> {
  yield encodeUploadId(uploadId)
  yield* encodeRuns(runs)
}

async function missing(
  chunks: RemoteChunks,
  more: { readonly uploadId: string; readonly ticket?: Buffer | undefined },
  digests: Parameters<ChunkSource['missing']>[0],
  signal: AbortSignal | undefined,
): ReturnType<ChunkSource['missing']> {
  const answers = []
  for (let at = 0; at < digests.length; at += askAtOnce) {
    const asked = joinDigests(digests.slice(at, at + askAtOnce))
    answers.push(await chunks.findMissing({ digests: asked, ...more }, { signal }))
  }
  return [...new Set(answers.flatMap((answer) => splitDigests(answer.digests)))]
}
