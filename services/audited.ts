import { chunkPlane } from '../lib/chunks/plane.ts'
import type { Definition } from '../lib/rpc/service.ts'
import { AccessServiceService } from '../proto/gen/merge/image/v1/access.ts'
import { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import { AliasServiceService } from '../proto/gen/merge/image/v1/alias.ts'
import { AuditServiceService } from '../proto/gen/merge/image/v1/audit.ts'
import { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import { DeltaServiceService } from '../proto/gen/merge/image/v1/delta.ts'
import { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import { HoldServiceService } from '../proto/gen/merge/image/v1/hold.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import { ResolverServiceService } from '../proto/gen/merge/image/v1/resolver.ts'
import { RetentionServiceService } from '../proto/gen/merge/image/v1/retention.ts'
import { SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import { SourceServiceService } from '../proto/gen/merge/image/v1/source.ts'
import { StorageServiceService } from '../proto/gen/merge/image/v1/storage.ts'
import { UploadServiceService } from '../proto/gen/merge/image/v1/upload.ts'

// Which methods are in the audit log when they take effect. A method without a row does not compile; one that changes something by
// `once` and has `false` here fails. Whatever is denied is in the log anyway.

/** Whether a method, by its path, is in the log. */
export function isAudited(path: string): boolean {
  return audited.get(path) === true
}

const changes = true
/** It changes nothing. */
const reads = false
/** It comes all the time and tells what is, or carries bytes; what comes of it is told where it takes effect. */
const traffic = false
/** It does at once what the portal does by itself all the time, and loses nothing that anything needs. */
const upkeep = false

/** By path, of every method of the portal. */
export const audited: ReadonlyMap<string, boolean> = new Map([
  ...rows(CatalogServiceService, {
    listDistros: reads,
    getDistro: reads,
    putDistro: changes,
    putRelease: changes,
    putRole: changes,
  }),
  ...rows(ImageServiceService, {
    getImage: reads,
    listImages: reads,
    releaseImage: changes,
    deprecateImage: changes,
    revokeImage: changes,
    holdBackImage: changes,
    restoreImage: changes,
    archiveImage: changes,
    expireImage: changes,
    watchImage: reads,
    listImageChanges: reads,
    getPackages: reads,
    getManifest: reads,
    diffImages: reads,
    listDescendants: reads,
    renewImage: changes,
    shareImage: changes,
    labelImage: changes,
  }),
  ...rows(AliasServiceService, {
    setAlias: changes,
    getAlias: reads,
    listAliases: reads,
    listAliasHistory: reads,
    rollbackAlias: changes,
    resumeAlias: changes,
    deleteAlias: changes,
  }),
  ...rows(ResolverServiceService, {
    resolveImage: reads,
    batchResolveImages: reads,
    parseReference: reads,
    createLock: changes,
    getLock: reads,
    verifyLock: reads,
    upgradeLock: reads,
  }),
  ...rows(HoldServiceService, {
    createHolds: changes,
    renewHold: changes,
    releaseHolds: changes,
    listHolds: reads,
    listHolders: reads,
  }),
  ...rows(RetentionServiceService, {
    putPolicy: changes,
    getPolicy: reads,
    listPolicies: reads,
    deletePolicy: changes,
    planRetention: changes,
    applyPlan: changes,
    getRun: reads,
    listRuns: reads,
    listRunItems: reads,
    watchRun: reads,
    explainRetention: reads,
  }),
  ...rows(UploadServiceService, {
    beginUpload: changes,
    commitUpload: changes,
    abortUpload: changes,
    getUpload: reads,
  }),
  ...rows(chunkPlane, {
    findMissing: reads,
    getFingerprints: reads,
    fetchChunks: reads,
    storeChunks: traffic,
  }),
  ...rows(DeltaServiceService, { fetchDeltas: reads }),
  ...rows(StorageServiceService, { collect: upkeep }),
  ...rows(IntegrityServiceService, { getIntegrity: reads, scrub: upkeep, checkChunks: traffic }),
  ...rows(SyncRuleServiceService, {
    putSyncRule: changes,
    getSyncRule: reads,
    listSyncRules: reads,
    deleteSyncRule: changes,
    previewSync: reads,
  }),
  ...rows(FacilityServiceService, {
    createFacility: changes,
    getFacility: reads,
    listFacilities: reads,
    pushImage: changes,
    dropImage: changes,
    listReplicas: reads,
    explainReplica: reads,
    putQuota: changes,
    createJoinToken: changes,
  }),
  ...rows(AgentServiceService, {
    watchDesiredState: reads,
    reportState: traffic,
    getTicket: traffic,
    askEviction: traffic,
    enroll: changes,
    renewCertificate: changes,
  }),
  ...rows(AccessServiceService, {
    whoAmI: reads,
    createRobot: changes,
    listRobots: reads,
    rotateRobot: changes,
    deleteRobot: changes,
    grantRole: changes,
    listGrants: reads,
    revokeRole: changes,
    listCertificates: reads,
    revokeCertificate: changes,
  }),
  ...rows(BuildServiceService, {
    putRecipe: changes,
    getRecipe: reads,
    listRecipes: reads,
    deleteRecipe: changes,
    resumeRecipe: changes,
    previewSchedule: reads,
    runBuild: changes,
    getBuild: reads,
    listBuilds: reads,
    cancelBuild: changes,
    retryBuild: changes,
    watchBuild: reads,
    readBuildLog: reads,
    reportBuild: changes,
    claimBuild: changes,
    heartbeatBuild: traffic,
    appendBuildLog: traffic,
    finishBuild: changes,
  }),
  ...rows(SourceServiceService, {
    putSource: changes,
    getSource: reads,
    listSources: reads,
    deleteSource: changes,
    resumeSource: changes,
    previewSourceSchedule: reads,
    scanSource: changes,
    getScan: reads,
    listSourceItems: reads,
    importImage: changes,
    claimScan: traffic,
    reportScan: changes,
  }),
  ...rows(AuditServiceService, { listEvents: reads, watchEvents: reads, verifyEvents: reads }),
])

/** One row a method. */
function rows<D extends Definition>(
  definition: D,
  row: { readonly [K in keyof D]: boolean },
): readonly (readonly [string, boolean])[] {
  return Object.entries(definition).map(([name, { path }]) => [path, row[name] === true])
}
