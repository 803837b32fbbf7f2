import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import { absent, digestsAtOnce, revive, unpacked } from '../chunks/queries.ts'
import type { Sql } from '../db/open.ts'
import { enterWithOthers } from '../storage/gate.ts'
import { uuidOrNull } from './queries.ts'

/** The chunks that uploads need. */
export interface Leases {
  /**
   * From now on the caller's upload, while it is open, needs these chunks: those that are there stay, a condemned one is
   * brought back, and those that come will stay. Answers with the ones that are not there, each once, in the order given.
   */
  take(upload: string, caller: Caller, digests: readonly Digest[]): Promise<Digest[]>
  /** How many chunks were brought back since this was asked last. */
  readonly takeRevived: () => number
}

export function leasesIn(sql: Sql): Leases {
  let revived = 0
  return {
    async take(upload, caller, digests) {
      const lacking: Digest[] = []
      for (let at = 0; at < digests.length; at += digestsAtOnce) {
        const some = await takeSome(sql, upload, caller, digests.slice(at, at + digestsAtOnce))
        lacking.push(...some.lacking)
        revived += some.revived
      }
      return [...new Set(lacking)]
    },
    takeRevived() {
      const count = revived
      revived = 0
      return count
    },
  }
}

/** The lease comes first, then the look at what is there: who condemns or dooms in between has seen the lease. */
function takeSome(
  sql: Sql,
  upload: string,
  caller: Caller,
  digests: readonly Digest[],
): Promise<{ lacking: Digest[]; revived: number }> {
  const asked = joinDigests(digests)
  return sql.begin(async (tx) => {
    await enterWithOthers(tx)
    await tx`
      insert into lease (digest, upload)
      select asked.digest, upload.id from ${unpacked(tx, asked)}, upload
      where upload.id = ${uuidOrNull(upload)} and upload.caller = ${caller.name}
        and upload.state = 'open'
      order by asked.digest on conflict do nothing`
    const revived = await revive(tx, asked)
    return { lacking: await absent(tx, digests), revived }
  })
}
