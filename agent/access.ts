import type { chunkPlane } from '../lib/chunks/plane.ts'
import type { Access, Rule } from '../lib/rpc/access.ts'
import type { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import type { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import type { SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'

const agents: Rule<unknown> = ({ role }) =>
  role.kind === 'agent' || role.kind === 'portal' || role.kind === 'admin'
const nobody: Rule<unknown> = () => false

/** What other facilities may do. */
export const peerAccess: Access<typeof chunkPlane> = {
  findMissing: agents,
  getFingerprints: nobody,
  fetchChunks: agents,
  storeChunks: nobody,
}

/** Who can open the socket is the agent's own user: the file system has decided. */
const owner: Rule<unknown> = () => true

export const integrityAccess: Access<typeof IntegrityServiceService> = {
  getIntegrity: owner,
  scrub: owner,
  checkChunks: owner,
}

/** Whatever is asked, the portal decides whether the agent may. */
export const ruleAccess: Access<typeof SyncRuleServiceService> = {
  putSyncRule: owner,
  getSyncRule: owner,
  listSyncRules: owner,
  deleteSyncRule: owner,
  previewSync: owner,
}

export const localAccess: Access<typeof LocalServiceService> = {
  status: owner,
  listLocal: owner,
  resolveLocal: owner,
  pull: owner,
  writeOut: owner,
  verify: owner,
  push: owner,
  export: owner,
  import: owner,
  build: owner,
  importSource: owner,
  drop: owner,
  evict: owner,
  listProjections: owner,
}
