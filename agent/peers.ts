import type { RankedSource } from '../lib/chunks/ranking.ts'
import { openRemotes } from '../lib/chunks/remotes.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import type { Security } from '../lib/rpc/security.ts'
import type { Company } from '../lib/sharing/sharing.ts'
import type { Tickets } from './tickets.ts'
import type { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'

/** Channels to other facilities' agents. */
export interface Peers extends Disposable {
  /** Who has or fetches the image, as the portal says now. */
  of(image: string, desired: WatchDesiredStateResponse): Company
}

/** Opens channels as they are needed; none of what comes through them is believed. */
export function openPeers(
  facility: string,
  serves: boolean,
  tickets: Tickets,
  security: Security,
  verify: Verify,
): Peers {
  const remotes = openRemotes(security, verify)
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
    [Symbol.dispose]: () => {
      remotes[Symbol.dispose]()
    },
  }
}
