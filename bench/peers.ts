import { casyncPeers } from './casync.ts'
import { cp } from './copy.ts'
import type { Peer } from './peer.ts'
import { rsyncPeers } from './rsync.ts'
import { zstdPeers } from './zstd.ts'

/** The tools that ours is measured against. */
export const peers: readonly Peer[] = [cp, ...rsyncPeers, ...zstdPeers, ...casyncPeers]
