import { DeltaServiceService } from '../../proto/gen/merge/image/v1/delta.ts'

/** DeltaService past the generic codec: what is stored is sent as it is. */
export const deltaPlane = {
  fetchDeltas: {
    ...DeltaServiceService.fetchDeltas,
    responseSerialize: (bytes: Buffer): Buffer => bytes,
  },
} as const
