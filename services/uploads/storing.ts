import type { PackStore } from '../../lib/chunks/packs.ts'
import type { Uploads } from '../../lib/chunks/serve.ts'
import type { Verify } from '../../lib/chunks/verified.ts'
import type { Sql } from '../db/open.ts'
import type { Leases } from './leases.ts'
import { renewUpload } from './queries.ts'

/** The portal's store as an upload sees it: what it finds and what it stores is leased. */
export function uploadsInto(
  store: PackStore,
  { sql, leases, verify }: { readonly sql: Sql; readonly leases: Leases; readonly verify: Verify },
): Uploads {
  return {
    verify,
    async open(uploadId, { caller }) {
      await renewUpload(sql, uploadId, caller)
      return store.leased((digests) => leases.take(uploadId, caller, digests))
    },
  }
}
