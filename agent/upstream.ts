import { chunkPlane } from '../lib/chunks/plane.ts'
import { remoteSource } from '../lib/chunks/remote.ts'
import type { ChunkSource } from '../lib/chunks/source.ts'
import { sha256, type Digest } from '../lib/content/digest.ts'
import { corrupt } from '../lib/failure.ts'
import { connect, openChannel, type Remote } from '../lib/rpc/connect.ts'
import { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import { DeltaServiceService } from '../proto/gen/merge/image/v1/delta.ts'
import { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { ResolverServiceService } from '../proto/gen/merge/image/v1/resolver.ts'

/** The portal, as an agent sees it. */
export interface Upstream extends Disposable {
  readonly address: string
  readonly agents: Remote<typeof AgentServiceService>
  readonly facilities: Remote<typeof FacilityServiceService>
  readonly resolver: Remote<typeof ResolverServiceService>
  readonly chunks: ChunkSource
  readonly deltas: Remote<typeof DeltaServiceService>
  /** The canonical bytes of a manifest, checked against their digest. */
  manifest(digest: Digest, signal: AbortSignal): Promise<Buffer>
}

export function openUpstream(address: string, facility: string): Upstream {
  const channel = openChannel(address, `agent:${facility}`)
  const images = connect(ImageServiceService, channel)
  return {
    address,
    agents: connect(AgentServiceService, channel),
    facilities: connect(FacilityServiceService, channel),
    resolver: connect(ResolverServiceService, channel),
    chunks: remoteSource(connect(chunkPlane, channel)),
    deltas: connect(DeltaServiceService, channel),
    async manifest(digest, signal) {
      const parts: Buffer[] = []
      for await (const { part } of images.getManifest({ digest: `sha256:${digest}` }, { signal })) {
        parts.push(part)
      }
      const bytes = Buffer.concat(parts)
      if (sha256(bytes) === digest) return bytes
      throw corrupt(
        'CHUNK_CORRUPT',
        `${address} sent a manifest that does not have the digest sha256:${digest}.`,
        { digest },
      )
    },
    [Symbol.dispose]: () => {
      channel[Symbol.dispose]()
    },
  }
}
