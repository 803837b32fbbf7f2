import { connect, openChannel, type Channel } from '../rpc/connect.ts'
import { chunkPlane } from './plane.ts'
import { remoteSource } from './remote.ts'
import type { ChunkSource } from './source.ts'
import { verified, type Verify } from './verified.ts'

/** Other sides' chunks, over channels that open as they are needed and stay. */
export interface Remotes extends Disposable {
  /** None of what comes through it is believed. */
  at(address: string): ChunkSource
}

/** `caller` is who asks. */
export function openRemotes(caller: string, verify: Verify): Remotes {
  const channels = new Map<string, Channel>()
  return {
    at(address) {
      const channel = channels.get(address) ?? openChannel(address, caller)
      channels.set(address, channel)
      return verified(remoteSource(connect(chunkPlane, channel)), verify)
    },
    [Symbol.dispose]: () => {
      for (const channel of channels.values()) channel[Symbol.dispose]()
    },
  }
}
