import type { Access, Rule } from '../lib/rpc/access.ts'
import type { Caller } from '../lib/rpc/caller.ts'
import type { chunkPlane } from '../lib/chunks/plane.ts'
import type { AccessServiceService } from '../proto/gen/merge/image/v1/access.ts'
import type { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import type { AliasServiceService } from '../proto/gen/merge/image/v1/alias.ts'
import type { AuditServiceService, EventFilter } from '../proto/gen/merge/image/v1/audit.ts'
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
import type {
  BeginUploadRequest,
  UploadServiceService,
} from '../proto/gen/merge/image/v1/upload.ts'

// Who may call what. A method without a row does not compile; what no row allows is denied.

/** Whoever has a role. */
const anyone: Rule<unknown> = ({ role }) => role.kind !== 'guest' && role.kind !== 'joiner'

const everybody: Rule<unknown> = () => true

const admins: Rule<unknown> = ({ role }) => role.kind === 'admin'

/** Admins and producers for the portal's names; a facility's manager for its own, and nobody else there but admins. */
const ownersOf =
  <R>(nameOf: (request: R) => string): Rule<R> =>
  ({ role }, request) => {
    const owner = namespaceOf(nameOf(request))
    if (role.kind === 'admin') return true
    return owner === ''
      ? role.kind === 'producer'
      : role.kind === 'manager' && role.facility === owner
  }

const agentOf =
  <R>(facilityOf: (request: R) => string): Rule<R> =>
  ({ role }, request) =>
    role.kind === 'agent' && role.facility === facilityOf(request)

const insiders =
  <R>(facilityOf: (request: R) => string): Rule<R> =>
  (caller, request) =>
    admins(caller, request) || belongsTo(caller, facilityOf(request))

/** The same, and a facility's agent, which acts for its manager. */
const ownersAndAgentsOf =
  <R>(nameOf: (request: R) => string): Rule<R> =>
  (caller, request) =>
    ownersOf(nameOf)(caller, request) || isAgentOf(caller, namespaceOf(nameOf(request)))

/** Anyone for what is the portal's; a facility's own is its own, and the admins'. */
const readersOf =
  <R>(nameOf: (request: R) => string): Rule<R> =>
  (caller, request) => {
    const owner = namespaceOf(nameOf(request))
    if (owner === '') return anyone(caller, undefined)
    return admins(caller, undefined) || belongsTo(caller, owner)
  }

const agents: Rule<unknown> = ({ role }) => role.kind === 'agent'

/** No facility is called so: it is what the portal's own agent belongs to, which builds for the portal. */
const portalsOwn = 'portal'

/** Bytes that stay at a facility are its agent's to publish, and nobody else's; those of the portal's builds its own agent's too. */
const uploaders: Rule<BeginUploadRequest> = (caller, request) => {
  if (request.restores !== undefined) return ownersOf(String)(caller, request.restores)
  const owner = namespaceOf(request.target)
  if (request.custom !== undefined) return isAgentOf(caller, owner)
  return (
    ownersOf(({ target }: BeginUploadRequest) => target)(caller, request) ||
    (owner === '' && isAgentOf(caller, portalsOwn))
  )
}

/** Whose upload it is, is checked where it is looked up. */
const publishers: Rule<unknown> = ({ role }) =>
  role.kind === 'admin' ||
  role.kind === 'producer' ||
  role.kind === 'manager' ||
  role.kind === 'agent'

function isAgentOf({ role }: Caller, facility: string): boolean {
  return role.kind === 'agent' && role.facility === facility
}

function belongsTo({ role }: Caller, facility: string): boolean {
  return (role.kind === 'manager' || role.kind === 'agent') && role.facility === facility
}

function namespaceOf(name: string): string {
  return name.includes('/') ? (name.split('/')[0] ?? '') : ''
}

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

/** Admins; of a facility's lines its manager. */
const managersOf =
  <R>(patternOf: (request: R) => string): Rule<R> =>
  ({ role }, request) =>
    role.kind === 'admin' ||
    (role.kind === 'manager' && role.facility === namespaceOf(patternOf(request)))

const plannersOf = managersOf(({ pattern }: { readonly pattern: string }) => pattern)

/** Whose lines it is about, is checked where it is looked up. */
const managers: Rule<unknown> = ({ role }) => role.kind === 'admin' || role.kind === 'manager'

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

/** The whole log is the admins'; what concerns a facility its manager's too. */
const eventReaders: Rule<{ readonly filter: EventFilter | undefined }> = (caller, { filter }) =>
  admins(caller, undefined) ||
  (caller.role.kind === 'manager' && caller.role.facility === filter?.facility)

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
