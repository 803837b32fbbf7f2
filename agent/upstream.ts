import { chunkPlane } from '../lib/chunks/plane.ts'
import { remoteFingerprints, remoteSource, remoteStore } from '../lib/chunks/remote.ts'
import type { ChunkSource, ChunkStore } from '../lib/chunks/source.ts'
import { several, spread } from '../lib/chunks/spread.ts'
import { joinDigests, type Digest } from '../lib/content/digest.ts'
import { fetchedManifest } from '../lib/images/fetched.ts'
import { connect, type Channel, type Remote } from '../lib/rpc/connect.ts'
import type { Security } from '../lib/rpc/security.ts'
import { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import { DeltaServiceService } from '../proto/gen/merge/image/v1/delta.ts'
import { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import { ResolverServiceService } from '../proto/gen/merge/image/v1/resolver.ts'
import { SourceServiceService } from '../proto/gen/merge/image/v1/source.ts'
import { SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import { UploadServiceService } from '../proto/gen/merge/image/v1/upload.ts'

/** The portal, as an agent sees it. */
export interface Upstream extends Disposable {
  readonly address: string
  /** Aborts once what is watched had better be watched anew, with the certificate that is shown from then on. */
  readonly replaced: () => AbortSignal | undefined
  readonly agents: Remote<typeof AgentServiceService>
  readonly facilities: Remote<typeof FacilityServiceService>
  readonly rules: Remote<typeof SyncRuleServiceService>
  readonly resolver: Remote<typeof ResolverServiceService>
  readonly chunks: ChunkSource
  /** What the portal recognises chunks by, which it decoded and checked; part by part. */
  readonly fingerprints: (
    digests: readonly Digest[],
    signal: AbortSignal,
  ) => ReturnType<typeof remoteFingerprints>
  readonly deltas: Remote<typeof DeltaServiceService>
  readonly builds: Remote<typeof BuildServiceService>
  readonly uploads: Remote<typeof UploadServiceService>
  readonly sources: Remote<typeof SourceServiceService>
  /** The portal's chunks, to add to under an upload. */
  readonly storeFor: (uploadId: string) => Pick<ChunkStore, 'missing' | 'store'>
  /** Has the portal look at a chunk that was wrong when it came from there; whatever comes of it comes later. */
  readonly suspect: (digest: Digest) => void
  /** The canonical bytes of a manifest, checked against their digest. */
  manifest(digest: Digest, signal: AbortSignal): Promise<Buffer>
}

function sourceOver(channel: Channel): ChunkSource {
  return remoteSource(connect(chunkPlane, channel))
}

export function openUpstream(address: string, security: Security): Upstream {
  const channels = several(() => security.open(address, 'portal'))
  const [channel, ...more] = channels
  const images = connect(ImageServiceService, channel)
  const integrity = connect(IntegrityServiceService, channel)
  return {
    address,
    replaced: () => channel.replaced,
    agents: connect(AgentServiceService, channel),
    facilities: connect(FacilityServiceService, channel),
    rules: connect(SyncRuleServiceService, channel),
    resolver: connect(ResolverServiceService, channel),
    chunks: spread([sourceOver(channel), ...more.map(sourceOver)]),
    fingerprints: (digests, signal) =>
      remoteFingerprints(connect(chunkPlane, channel), digests, signal),
    deltas: connect(DeltaServiceService, channel),
    builds: connect(BuildServiceService, channel),
    uploads: connect(UploadServiceService, channel),
    sources: connect(SourceServiceService, channel),
    storeFor: (uploadId) => remoteStore(connect(chunkPlane, channel), uploadId),
    suspect: (digest) => {
      integrity.checkChunks({ digests: joinDigests([digest]) }).catch(() => undefined)
    },
    manifest(digest, signal) {
      const parts = images.getManifest({ digest: `sha256:${digest}` }, { signal })
      return fetchedManifest(parts, digest, address)
    },
    [Symbol.dispose]: () => {
      for (const one of channels) one[Symbol.dispose]()
    },
  }
}
