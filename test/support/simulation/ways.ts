import type { Ways } from '../../../agent/syncing.ts'
import type { Upstream } from '../../../agent/upstream.ts'
import { chunkPlane } from '../../../lib/chunks/plane.ts'
import { remoteFingerprints, remoteSource, type TicketOf } from '../../../lib/chunks/remote.ts'
import type { Remotes } from '../../../lib/chunks/remotes.ts'
import { verified, type Verify } from '../../../lib/chunks/verified.ts'
import { joinDigests } from '../../../lib/content/digest.ts'
import { fetchedManifest } from '../../../lib/images/fetched.ts'
import type { Definition } from '../../../lib/rpc/service.ts'
import { AgentServiceService } from '../../../proto/gen/merge/image/v1/agent.ts'
import { BuildServiceService } from '../../../proto/gen/merge/image/v1/build.ts'
import { DeltaServiceService } from '../../../proto/gen/merge/image/v1/delta.ts'
import { FacilityServiceService } from '../../../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../../../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../../../proto/gen/merge/image/v1/integrity.ts'
import { ResolverServiceService } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { SyncRuleServiceService } from '../../../proto/gen/merge/image/v1/rule.ts'
import { SourceServiceService } from '../../../proto/gen/merge/image/v1/source.ts'
import { UploadServiceService } from '../../../proto/gen/merge/image/v1/upload.ts'
import type { HostDeps } from './host.ts'
import type { Client } from './network.ts'

/** An agent's ways to others, over the network that is made up. */
export function waysOf(client: Client, deps: HostDeps): Ways {
  return {
    upstream: upstreamOf(client, deps),
    openRemotes: (verify) => remotesOf(client, verify, deps),
  }
}

function upstreamOf(client: Client, { network, portal }: HostDeps): Upstream {
  const connect = <D extends Definition>(definition: D) =>
    network.connect(definition, client, portal)
  const [chunks, images] = [connect(chunkPlane), connect(ImageServiceService)]
  const integrity = connect(IntegrityServiceService)
  return {
    address: 'portal',
    replaced: () => undefined,
    agents: connect(AgentServiceService),
    facilities: connect(FacilityServiceService),
    rules: connect(SyncRuleServiceService),
    resolver: connect(ResolverServiceService),
    chunks: remoteSource(chunks),
    fingerprints: (digests, signal) => remoteFingerprints(chunks, digests, signal),
    deltas: connect(DeltaServiceService),
    builds: connect(BuildServiceService),
    uploads: connect(UploadServiceService),
    sources: connect(SourceServiceService),
    storeFor: () => {
      throw new Error('nothing is uploaded here')
    },
    suspect: (digest) => {
      integrity.checkChunks({ digests: joinDigests([digest]) }).catch(() => undefined)
    },
    manifest: (digest, signal) =>
      fetchedManifest(
        images.getManifest({ digest: `sha256:${digest}` }, { signal }),
        digest,
        'portal',
      ),
    [Symbol.dispose]: () => undefined,
  }
}

function remotesOf(client: Client, verify: Verify, { network, peer, portal }: HostDeps): Remotes {
  return {
    at(_address: string, facility: string, ticketOf?: TicketOf) {
      const server = peer(facility) ?? portal
      return verified(remoteSource(network.connect(chunkPlane, client, server), ticketOf), verify)
    },
    [Symbol.dispose]: () => undefined,
  }
}
