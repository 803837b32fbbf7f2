import type { Access } from '../lib/rpc/access.ts'
import type { chunkPlane } from '../lib/chunks/plane.ts'
import type { AccessServiceService } from '../proto/gen/merge/image/v1/access.ts'
import type { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import type { AliasServiceService } from '../proto/gen/merge/image/v1/alias.ts'
import type { AuditServiceService } from '../proto/gen/merge/image/v1/audit.ts'
import type { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import type { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import type { DeltaServiceService } from '../proto/gen/merge/image/v1/delta.ts'
import type { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import type { HoldServiceService } from '../proto/gen/merge/image/v1/hold.ts'
import type { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import type { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import type { ResolverServiceService } from '../proto/gen/merge/image/v1/resolver.ts'
import type { SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import type { SourceServiceService } from '../proto/gen/merge/image/v1/source.ts'
import type { StorageServiceService } from '../proto/gen/merge/image/v1/storage.ts'
import type { RetentionServiceService } from '../proto/gen/merge/image/v1/retention.ts'
import type { UploadServiceService } from '../proto/gen/merge/image/v1/upload.ts'

import {
  admins,
  agentOf,
  agents,
  anyone,
  eventReaders,
  everybody,
  insiders,
  managers,
  managersOf,
  namespaceOf,
  ownersAndAgentsOf,
  ownersOf,
  plannersOf,
  publishers,
  readersOf,
  uploaders,
} from './allowed.ts'

// Who may call what. A method without a row does not compile; what no row allows is denied.

export const catalogAccess: Access<typeof CatalogServiceService> = {
  listDistros: anyone,
  getDistro: anyone,
  putDistro: admins,
  putRelease: admins,
  putRole: admins,
}

export const imageAccess: Access<typeof ImageServiceService> = {
  getImage: anyone,
  listImages: anyone,
  releaseImage: ownersOf(({ name }) => name),
  deprecateImage: ownersOf(({ name }) => name),
  revokeImage: ownersOf(({ name }) => name),
  holdBackImage: ownersOf(({ name }) => name),
  restoreImage: ownersOf(({ name }) => name),
  archiveImage: ownersOf(({ name }) => name),
  expireImage: ownersOf(({ name }) => name),
  watchImage: anyone,
  listImageChanges: anyone,
  getManifest: anyone,
  getPackages: anyone,
  diffImages: anyone,
  listDescendants: anyone,
  renewImage: insiders(({ name }) => namespaceOf(name)),
  shareImage: insiders(({ name }) => namespaceOf(name)),
  labelImage: ownersOf(({ name }) => name),
}

export const aliasAccess: Access<typeof AliasServiceService> = {
  setAlias: ownersOf(({ alias }) => alias),
  getAlias: anyone,
  listAliases: anyone,
  listAliasHistory: anyone,
  rollbackAlias: ownersOf(({ alias }) => alias),
  resumeAlias: ownersOf(({ alias }) => alias),
  deleteAlias: ownersOf(({ alias }) => alias),
}

export const resolverAccess: Access<typeof ResolverServiceService> = {
  resolveImage: anyone,
  batchResolveImages: anyone,
  parseReference: anyone,
  createLock: anyone,
  getLock: anyone,
  verifyLock: anyone,
  upgradeLock: anyone,
}

/** Whether the caller may see an image, and whose hold it is, is checked where these are looked up. */
export const holdAccess: Access<typeof HoldServiceService> = {
  createHolds: anyone,
  renewHold: anyone,
  releaseHolds: anyone,
  listHolds: anyone,
  listHolders: anyone,
}

export const uploadAccess: Access<typeof UploadServiceService> = {
  beginUpload: uploaders,
  commitUpload: publishers,
  abortUpload: publishers,
  getUpload: publishers,
}

export const chunkAccess: Access<typeof chunkPlane> = {
  findMissing: anyone,
  getFingerprints: anyone,
  fetchChunks: anyone,
  storeChunks: publishers,
}

export const deltaAccess: Access<typeof DeltaServiceService> = {
  fetchDeltas: anyone,
}

export const retentionAccess: Access<typeof RetentionServiceService> = {
  putPolicy: managersOf(({ policy }) => policy?.pattern ?? ''),
  getPolicy: anyone,
  listPolicies: anyone,
  deletePolicy: managers,
  // Without a pattern a manager plans for all lines of its facility.
  planRetention: (caller, request) =>
    request.pattern === '' ? managers(caller, request) : plannersOf(caller, request),
  applyPlan: managers,
  getRun: anyone,
  listRuns: anyone,
  listRunItems: anyone,
  watchRun: anyone,
  explainRetention: anyone,
}

export const storageAccess: Access<typeof StorageServiceService> = {
  collect: admins,
}

export const integrityAccess: Access<typeof IntegrityServiceService> = {
  getIntegrity: admins,
  scrub: admins,
  checkChunks: ({ role }) => role.kind === 'admin' || role.kind === 'agent',
}

export const facilityAccess: Access<typeof FacilityServiceService> = {
  createFacility: admins,
  getFacility: anyone,
  listFacilities: anyone,
  pushImage: insiders(({ facility }) => facility),
  dropImage: insiders(({ facility }) => facility),
  listReplicas: insiders(({ facility }) => facility),
  explainReplica: insiders(({ facility }) => facility),
  putQuota: admins,
  createJoinToken: admins,
}

export const ruleAccess: Access<typeof SyncRuleServiceService> = {
  putSyncRule: insiders(({ rule }) => rule?.facility ?? ''),
  getSyncRule: insiders(({ facility }) => facility),
  listSyncRules: insiders(({ facility }) => facility),
  deleteSyncRule: insiders(({ facility }) => facility),
  previewSync: insiders(({ facility }) => facility),
}

export const agentAccess: Access<typeof AgentServiceService> = {
  watchDesiredState: agentOf(({ facility }) => facility),
  reportState: agentOf(({ facility }) => facility),
  getTicket: agentOf(({ facility }) => facility),
  askEviction: agentOf(({ facility }) => facility),
  enroll: ({ role }) => role.kind === 'joiner',
  renewCertificate: agentOf(({ facility }) => facility),
}

/** Whose robot it is, is checked where it is looked up. */
export const accessAccess: Access<typeof AccessServiceService> = {
  whoAmI: everybody,
  createRobot: ({ role }, { role: given }) =>
    role.kind === 'admin' || (role.kind === 'manager' && given === `manager:${role.facility}`),
  listRobots: managers,
  rotateRobot: managers,
  deleteRobot: managers,
  grantRole: admins,
  listGrants: admins,
  revokeRole: admins,
  listCertificates: ({ role }, { facility }) =>
    role.kind === 'admin' || (role.kind === 'manager' && role.facility === facility),
  revokeCertificate: admins,
}

export const auditAccess: Access<typeof AuditServiceService> = {
  listEvents: eventReaders,
  watchEvents: eventReaders,
  verifyEvents: admins,
}

export const buildAccess: Access<typeof BuildServiceService> = {
  putRecipe: ownersAndAgentsOf(({ name }) => name),
  getRecipe: readersOf(({ name }) => name),
  listRecipes: readersOf(({ namespace }) => `${namespace}/`),
  deleteRecipe: ownersAndAgentsOf(({ name }) => name),
  resumeRecipe: ownersAndAgentsOf(({ name }) => name),
  previewSchedule: readersOf(({ name }) => name),
  runBuild: ownersAndAgentsOf(({ recipe }) => recipe),
  getBuild: readersOf(({ name }) => name),
  listBuilds: readersOf(({ namespace }) => `${namespace}/`),
  cancelBuild: ownersAndAgentsOf(({ name }) => name),
  retryBuild: ownersAndAgentsOf(({ name }) => name),
  watchBuild: readersOf(({ name }) => name),
  readBuildLog: readersOf(({ name }) => name),
  reportBuild: ownersOf(({ target }) => target),
  claimBuild: agentOf(({ facility }) => facility),
  // Whose claim it is, is checked where it is looked up.
  heartbeatBuild: agents,
  appendBuildLog: agents,
  finishBuild: agents,
}

export const sourceAccess: Access<typeof SourceServiceService> = {
  putSource: ownersAndAgentsOf(({ name }) => name),
  getSource: readersOf(({ name }) => name),
  listSources: readersOf(({ namespace }) => `${namespace}/`),
  deleteSource: ownersAndAgentsOf(({ name }) => name),
  resumeSource: ownersAndAgentsOf(({ name }) => name),
  previewSourceSchedule: readersOf(({ name }) => name),
  scanSource: ownersAndAgentsOf(({ source }) => source),
  getScan: readersOf(({ name }) => name),
  listSourceItems: readersOf(({ source }) => source),
  importImage: ownersAndAgentsOf(({ source }) => source),
  claimScan: agentOf(({ facility }) => facility),
  // Whose claim it is, is checked where it is looked up.
  reportScan: agents,
}
