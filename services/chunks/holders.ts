import { chunkPlane } from '../../lib/chunks/plane.ts'
import type { RankedSource } from '../../lib/chunks/ranking.ts'
import { remoteSource } from '../../lib/chunks/remote.ts'
import { verified, type Verify } from '../../lib/chunks/verified.ts'
import { connect, openChannel, type Channel } from '../../lib/rpc/connect.ts'
import type { Sql } from '../db/open.ts'

/** The agents that serve what they hold. */
export interface Holders extends Disposable {
  /** Each is asked what it has; nothing that it sends is believed. */
  sources(): Promise<RankedSource[]>
}

export function holdersIn(sql: Sql, verify: Verify): Holders {
  const channels = new Map<string, Channel>()
  const channelTo = (address: string): Channel => {
    const channel = channels.get(address) ?? openChannel(address, 'admin')
    channels.set(address, channel)
    return channel
  }
  return {
    async sources() {
      const agents = await sql<{ name: string; peerAddress: string }[]>`
        select name, peer_address from facility where peer_address <> ''
        order by agent_time desc nulls last`
      return agents.map(({ name, peerAddress }) => ({
        name,
        origin: 'peer',
        source: verified(remoteSource(connect(chunkPlane, channelTo(peerAddress))), verify),
      }))
    },
    [Symbol.dispose]: () => {
      for (const channel of channels.values()) channel[Symbol.dispose]()
    },
  }
}
