import {
  ChunkServiceService,
  FetchChunksResponse,
  StoreChunksRequest,
} from '../../proto/gen/merge/image/v1/chunk.ts'
import { invalid } from '../failure.ts'
import { release } from '../memory.ts'
import { decodeRun, encodeRun, encodeRunInto } from './run.ts'
import { maxRunBytes, type Run } from './source.ts'

const asItIs = (bytes: Buffer): Buffer => bytes

const draft = new Uint8Array(2 * maxRunBytes)

/** A grpc-js server copies what its serializer returns before it does anything else, so one draft is enough for all. */
function sentRun(run: Run): Buffer {
  const bytes = encodeRunInto(draft, run)
  release(run.payload)
  return bytes
}

/**
 * ChunkService past the generic codec, which copies every payload once more. Received runs are bytes, which the service and
 * the client read with `decodeRun`, so that a malformed one is an INVALID_CHUNK.
 */
export const chunkPlane = {
  findMissing: ChunkServiceService.findMissing,
  getFingerprints: ChunkServiceService.getFingerprints,
  fetchChunks: {
    ...ChunkServiceService.fetchChunks,
    responseSerialize: sentRun,
    responseDeserialize: asItIs,
  },
  storeChunks: {
    ...ChunkServiceService.storeChunks,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
  },
} as const

/** The first message of a store. */
export function encodeUploadId(uploadId: string): Buffer {
  return Buffer.from(StoreChunksRequest.encode({ ...noRun, uploadId }).finish())
}

const noRun = FetchChunksResponse.create()

export function decodeUploadId(bytes: Buffer | undefined): string {
  try {
    return StoreChunksRequest.decode(bytes ?? Buffer.alloc(0)).uploadId
  } catch (error) {
    throw invalid('INVALID_CHUNK', 'The first message of a store is malformed.', {}, error)
  }
}

export async function* encodeRuns(runs: AsyncIterable<Run>): AsyncGenerator<Buffer> {
  for await (const run of runs) yield encodeRun(run)
}

export async function* decodeRuns(messages: AsyncIterable<Buffer>): AsyncGenerator<Run> {
  for await (const message of messages) yield decodeRun(message)
}
