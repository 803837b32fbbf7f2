import { joinDigests, splitDigests, type Digest } from '../content/digest.ts'
import { denied, invalid } from '../failure.ts'
import type { Call } from '../rpc/serve.ts'
import type { Service } from '../rpc/service.ts'
import type { chunkPlane } from './plane.ts'
import type { Limit } from './limit.ts'
import { decodeRuns, decodeUploadId } from './plane.ts'
import { notThere } from './packs.ts'
import type { ChunkSource, ChunkStore, Run } from './source.ts'
import type { Verify } from './verified.ts'
import { verifiedRuns } from './verified.ts'

/** What a side that takes uploads adds. */
export interface Uploads {
  readonly verify: Verify
  /**
   * Gives the caller's upload a new lease, or throws UPLOAD_NOT_FOUND or UPLOAD_CLOSED. What is found there or stored in what
   * it resolves to is kept by that lease.
   */
  readonly open: (uploadId: string, call: Call) => Promise<Pick<ChunkStore, 'missing' | 'store'>>
}

export interface ChunkServiceDeps {
  readonly source: ChunkSource
  /** What the caller may have, or throws; everything if it is not given. What it may not have is not there for it. */
  readonly admit?: (ticket: Uint8Array | undefined, call: Call) => Admitted
  /** How fast runs may be sent, to all callers together. */
  readonly limit?: Limit
  /** Hears of every run that is sent. */
  readonly onSent?: (run: Run) => void
  /** What chunks are recognised by, zeros for those without; without it nobody is told. */
  readonly fingerprints?: (digests: readonly Digest[]) => Promise<Buffer>
  /** Without it nothing can be stored here. */
  readonly uploads?: Uploads
}

/** Those that a caller may have; `all` are more than anybody lists. */
export type Admitted = ReadonlySet<Digest> | 'all'

const mostAsked = 8192
const mostFetched = 4096

/** ChunkService over a store: the portal and every agent mount this. */
export function chunkService(deps: ChunkServiceDeps): Service<typeof chunkPlane, [call: Call]> {
  const { source: whole, uploads, onSent, limit, fingerprints, admit = () => 'all' } = deps
  return {
    async findMissing(request, call) {
      const digests = parseDigests(request.digests, mostAsked)
      const { uploadId } = request
      const here =
        uploadId === ''
          ? admitted(whole, admit(request.ticket, call))
          : await demand(uploads).open(uploadId, call)
      return { digests: joinDigests(await here.missing(digests, call.signal)) }
    },

    async *fetchChunks(request, call) {
      const source = admitted(whole, admit(request.ticket, call))
      const digests = parseDigests(request.digests, mostFetched)
      for await (const run of source.fetch(digests, call.signal)) {
        await limit?.take(run.payload.length, call.signal)
        onSent?.(run)
        yield run
      }
    },

    async getFingerprints(request) {
      if (fingerprints === undefined)
        throw denied('NOT_ALLOWED', 'Ask the portal for fingerprints.')
      return { fingerprints: await fingerprints(parseDigests(request.digests, mostAsked)) }
    },

    async storeChunks(messages, call) {
      const { open, verify } = demand(uploads)
      const incoming = messages[Symbol.asyncIterator]()
      const first = await incoming.next()
      const store = await open(decodeUploadId(first.done === true ? undefined : first.value), call)
      const runs = decodeRuns({ [Symbol.asyncIterator]: () => incoming })
      await store.store(
        verifiedRuns(() => runs, verify, call.signal),
        call.signal,
      )
      return {}
    },
  }
}

/** The same source for somebody who may have some of it. */
function admitted(source: ChunkSource, may: Admitted): ChunkSource {
  if (may === 'all') return source
  return {
    async missing(digests, signal) {
      const known = digests.filter((digest) => may.has(digest))
      const absent = new Set(await source.missing(known, signal))
      return [...new Set(digests)].filter((digest) => !may.has(digest) || absent.has(digest))
    },
    fetch(digests, signal) {
      const other = digests.find((digest) => !may.has(digest))
      if (other !== undefined) throw notThere(other)
      return source.fetch(digests, signal)
    },
  }
}

function demand(uploads: Uploads | undefined): Uploads {
  if (uploads !== undefined) return uploads
  throw denied('NOT_ALLOWED', 'Chunks are fetched here, not stored: publish at the portal.')
}

function parseDigests(bytes: Uint8Array, most: number): Digest[] {
  const digests = splitDigests(bytes)
  if (digests.length <= most) return digests
  throw invalid('INVALID_CHUNK', `${digests.length} digests are more than the ${most} of one call`)
}
