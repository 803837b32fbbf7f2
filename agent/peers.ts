import { chunkPlane } from '../lib/chunks/plane.ts'
import type { RankedSource } from '../lib/chunks/ranking.ts'
import { remoteSource } from '../lib/chunks/remote.ts'
import { verified, type Verify } from '../lib/chunks/verified.ts'
import { connect, openChannel, type Channel } from '../lib/rpc/connect.ts'
import type { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'

/** Channels to other facilities' agents. */
export interface Peers extends Disposable {
  /** Those that hold the image whole, as the portal says now. */
  holding(image: string, desired: WatchDesiredStateResponse): RankedSource[]
}

/** Opens channels as they are needed; none of what comes through them is believed. */
export function openPeers(facility: string, verify: Verify): Peers {
  const channels = new Map<string, Channel>()
  const sourceAt = (address: string) => {
    const channel = channels.get(address) ?? openChannel(address, `agent:${facility}`)
    channels.set(address, channel)
    return verified(remoteSource(connect(chunkPlane, channel)), verify)
  }
  return {
    holding: (image, { images, peers }) => {
      const holders = images.find((desired) => desired.image?.name === image)?.holders ?? []
      return peers
        .filter((peer) => holders.includes(peer.facility))
        .map((peer) => ({
          name: peer.facility,
          origin: 'peer',
          source: sourceAt(peer.address),
        }))
    },
    [Symbol.dispose]: () => {
      for (const channel of channels.values()) channel[Symbol.dispose]()
    },
  }
}
