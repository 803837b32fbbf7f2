import type { RankedSource } from '../lib/chunks/ranking.ts'
import type { Remotes } from '../lib/chunks/remotes.ts'
import type { Company } from '../lib/sharing/sharing.ts'
import type { Tickets } from './tickets.ts'
import type { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'

/** Other facilities' agents. */
export interface Peers {
  /** Who has or fetches the image, as the portal says now. */
  of(image: string, desired: WatchDesiredStateResponse): Company
}

/** None of what comes from them is believed. */
export function openPeers(
  facility: string,
  serves: boolean,
  tickets: Tickets,
  remotes: Pick<Remotes, 'at'>,
): Peers {
  return {
    of: (image, { images, peers }) => {
      const found = images.find((desired) => desired.image?.name === image)
      const among = (names: readonly string[] = []): RankedSource[] =>
        peers
          .filter((peer) => names.includes(peer.facility))
          .map((peer) => ({
            name: peer.facility,
            origin: 'peer',
            source: remotes.at(peer.address, peer.facility, tickets.of(image)),
          }))
      return {
        self: serves ? facility : '',
        holders: among(found?.holders),
        fetchers: among(found?.fetchers),
      }
    },
  }
}
