import { connect, type Channel } from '../rpc/connect.ts'
import type { Security } from '../rpc/security.ts'
import { chunkPlane } from './plane.ts'
import { remoteSource, type TicketOf } from './remote.ts'
import type { ChunkSource } from './source.ts'
import { type Busy, several, spread } from './spread.ts'
import { verified, type Verify } from './verified.ts'

/** Agents' chunks, over channels that open as they are needed and stay. */
export interface Remotes extends Disposable {
  /** None of what comes through it is believed. */
  at(address: string, facility: string, ticketOf?: TicketOf): ChunkSource
}

interface Place {
  readonly channels: readonly [Channel, ...Channel[]]
  readonly busy: Busy
}

export function openRemotes(security: Security, verify: Verify): Remotes {
  const places = new Map<string, Place>()
  return {
    at(address, facility, ticketOf) {
      // Another facility may come to an address.
      const place = `${facility} ${address}`
      const open = (): Channel => security.open(address, `agent:${facility}`)
      const at = places.get(place) ?? { channels: several(open), busy: new Map() }
      places.set(place, at)
      const [first, ...more] = at.channels
      const sourceOver = (channel: Channel): ChunkSource =>
        remoteSource(connect(chunkPlane, channel), ticketOf)
      return verified(spread([sourceOver(first), ...more.map(sourceOver)], at.busy), verify)
    },
    [Symbol.dispose]: () => {
      for (const channel of [...places.values()].flatMap(({ channels }) => channels))
        channel[Symbol.dispose]()
    },
  }
}
