import type { RankedSource } from '../lib/chunks/ranking.ts'
import { openRemotes } from '../lib/chunks/remotes.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import type { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'

/** Channels to other facilities' agents. */
export interface Peers extends Disposable {
  /** Those that hold the image whole, as the portal says now. */
  holding(image: string, desired: WatchDesiredStateResponse): RankedSource[]
}

/** Opens channels as they are needed; none of what comes through them is believed. */
export function openPeers(facility: string, verify: Verify): Peers {
  const remotes = openRemotes(`agent:${facility}`, verify)
  return {
    holding: (image, { images, peers }) => {
      const holders = images.find((desired) => desired.image?.name === image)?.holders ?? []
      return peers
        .filter((peer) => holders.includes(peer.facility))
        .map((peer) => ({
          name: peer.facility,
          origin: 'peer',
          source: remotes.at(peer.address),
        }))
    },
    [Symbol.dispose]: () => {
      remotes[Symbol.dispose]()
    },
  }
}
