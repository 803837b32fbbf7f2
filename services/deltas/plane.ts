import { DeltaServiceService } from '../../proto/gen/merge/image/v1/delta.ts'

/**
 * DeltaService past the generic codec: what is stored is sent as it is. A grpc-js server copies it before it does anything else, so
 * its memory may be gone once the next message is asked for.
 */
export const deltaPlane = {
  fetchDeltas: {
    ...DeltaServiceService.fetchDeltas,
    responseSerialize: (bytes: Buffer): Buffer => bytes,
  },
} as const
