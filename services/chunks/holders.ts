import type { RankedSource } from '../../lib/chunks/ranking.ts'
import { openRemotes } from '../../lib/chunks/remotes.ts'
import type { Verify } from '../../lib/chunks/verified.ts'
import type { Security } from '../../lib/rpc/security.ts'
import type { Sql } from '../db/open.ts'

/** The agents that serve what they hold. */
export interface Holders extends Disposable {
  /** Each is asked what it has; nothing that it sends is believed. */
  sources(): Promise<RankedSource[]>
}

export function holdersIn(sql: Sql, security: Security, verify: Verify): Holders {
  const remotes = openRemotes(security, verify)
  return {
    async sources() {
      const agents = await sql<{ name: string; peerAddress: string }[]>`
        select name, peer_address from facility where peer_address <> ''
        order by agent_time desc nulls last`
      return agents.map(({ name, peerAddress }) => ({
        name,
        origin: 'peer',
        source: remotes.at(peerAddress, name),
      }))
    },
    [Symbol.dispose]: () => {
      remotes[Symbol.dispose]()
    },
  }
}
