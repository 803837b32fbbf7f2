import type { Collector } from '../../lib/chunks/collector.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { StorageServiceService } from '../../proto/gen/merge/image/v1/storage.ts'

export function storageService(
  collector: Collector,
): Service<typeof StorageServiceService, [call: Call]> {
  return {
    async collect({ validateOnly }, { signal }) {
      const done = await (validateOnly ? collector.rehearse(signal) : collector.run(signal))
      return {
        condemnedChunks: BigInt(done.condemned.chunks),
        condemnedBytes: BigInt(done.condemned.bytes),
        revivedChunks: BigInt(done.revived),
        deletedChunks: BigInt(done.doomed.chunks),
        deletedBytes: BigInt(done.doomed.bytes),
        deletedPacks: BigInt(done.packsDeleted),
        rewrittenPacks: BigInt(done.packsRewritten),
        deletedOrphans: BigInt(done.orphansDeleted),
        freedBytes: BigInt(done.freedBytes),
      }
    },
  }
}
