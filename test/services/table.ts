import type { chunkPlane } from '../../lib/chunks/plane.ts'
import { encodeUploadId } from '../../lib/chunks/plane.ts'
import type { AccessServiceService } from '../../proto/gen/merge/image/v1/access.ts'
import {
  ReportStateRequest,
  type AgentServiceService,
} from '../../proto/gen/merge/image/v1/agent.ts'
import {
  RollbackAliasRequest,
  SetAliasRequest,
  type AliasServiceService,
} from '../../proto/gen/merge/image/v1/alias.ts'
import { EventFilter, type AuditServiceService } from '../../proto/gen/merge/image/v1/audit.ts'
import type { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import type { CatalogServiceService } from '../../proto/gen/merge/image/v1/catalog.ts'
import type { DeltaServiceService } from '../../proto/gen/merge/image/v1/delta.ts'
import type { FacilityServiceService } from '../../proto/gen/merge/image/v1/facility.ts'
import {
  CreateHoldsRequest,
  HoldKind,
  ListHoldsRequest,
  type HoldServiceService,
} from '../../proto/gen/merge/image/v1/hold.ts'
import { RestoreKind, type ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import type { IntegrityServiceService } from '../../proto/gen/merge/image/v1/integrity.ts'
import {
  CreateLockRequest,
  LockedNode,
  ResolveImageRequest,
  type ResolverServiceService,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import type { RetentionServiceService } from '../../proto/gen/merge/image/v1/retention.ts'
import type { SyncRuleServiceService } from '../../proto/gen/merge/image/v1/rule.ts'
import type { SourceServiceService } from '../../proto/gen/merge/image/v1/source.ts'
import type { StorageServiceService } from '../../proto/gen/merge/image/v1/storage.ts'
import type { UploadServiceService } from '../../proto/gen/merge/image/v1/upload.ts'
import { commitMessages } from '../support/images.ts'
import { streamOf } from '../support/rpc.ts'
import { accessRows } from './accessrows.ts'
import { buildRows } from './buildrows.ts'
import { retentionRows } from './retentionrows.ts'
import { ruleRows } from './rulerows.ts'
import { sourceRows } from './sourcerows.ts'
import { id, image, name, page, row, type Row } from './rows.ts'

/** A method without a row does not compile. */
interface Table {
  readonly catalog: Record<keyof typeof CatalogServiceService, Row>
  readonly images: Record<keyof typeof ImageServiceService, Row>
  readonly aliases: Record<keyof typeof AliasServiceService, Row>
  readonly resolver: Record<keyof typeof ResolverServiceService, Row>
  readonly holds: Record<keyof typeof HoldServiceService, Row>
  readonly builds: Record<keyof typeof BuildServiceService, Row>
  readonly uploads: Record<keyof typeof UploadServiceService, Row>
  readonly chunks: Record<keyof typeof chunkPlane, Row>
  readonly deltas: Record<keyof typeof DeltaServiceService, Row>
  readonly facilities: Record<keyof typeof FacilityServiceService, Row>
  readonly rules: Record<keyof typeof SyncRuleServiceService, Row>
  readonly sources: Record<keyof typeof SourceServiceService, Row>
  readonly retention: Record<keyof typeof RetentionServiceService, Row>
  readonly storage: Record<keyof typeof StorageServiceService, Row>
  readonly integrity: Record<keyof typeof IntegrityServiceService, Row>
  readonly agents: Record<keyof typeof AgentServiceService, Row>
  readonly audit: Record<keyof typeof AuditServiceService, Row>
  readonly access: Record<keyof typeof AccessServiceService, Row>
}

const digests = Buffer.alloc(0)

// prettier-ignore
export const table: Table = {
  //                       admin         producer      experimenter  manager       agent, and builder where it differs
  catalog: {
    listDistros: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ catalog }) => catalog.listDistros({}) },
    getDistro: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ catalog }) => catalog.getDistro({ distro: 'debian' }) },
    putDistro: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ catalog }) => catalog.putDistro({ requestId: id(), distro: undefined, etag: '' }) },
    putRelease: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ catalog }) => catalog.putRelease({
        requestId: id(), distro: 'debian', release: undefined, after: '', first: false, etag: '',
      }) },
    putRole: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ catalog }) => catalog.putRole({ requestId: id(), role: '' }) },
  },
  images: {
    getImage: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) => images.getImage({ name: image(facility) }) },
    listImages: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }) => images.listImages({ ...page, filter: undefined }) },
    releaseImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) =>
        images.releaseImage({ requestId: id(), name: image(facility), etag: '', reason: ''}) },
    deprecateImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) => images.deprecateImage({
        requestId: id(), name: image(facility), etag: '', reason: '', replacement: '', deprecateTime: undefined,
      }) },
    revokeImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) => images.revokeImage({
        requestId: id(), name: image(facility), etag: '', reason: '', replacement: '',
      }) },
    holdBackImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) =>
        images.holdBackImage({ requestId: id(), name: image(facility), etag: '', reason: '' }) },
    restoreImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) => images.restoreImage({
        requestId: id(), name: image(facility), etag: '', reason: '', kind: RestoreKind.RESTORE_KIND_STANDING,
      }) },
    archiveImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) =>
        images.archiveImage({ requestId: id(), name: image(facility), etag: '', reason: '' }) },
    expireImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) => images.expireImage({
        requestId: id(), name: image(facility), etag: '', reason: 'x', validateOnly: true,
      }) },
    watchImage: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) => images.watchImage({ name: image(facility) }) },
    listImageChanges: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) => images.listImageChanges({ ...page, name: image(facility) }) },
    getManifest: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }) => images.getManifest({ digest: `sha256:${'0'.repeat(64)}` }) },
    getPackages: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) => images.getPackages({ name: image(facility) }) },
    diffImages: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) =>
        images.diffImages({ from: image(facility), to: image(facility) }) },
    listDescendants: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) => images.listDescendants({ ...page, name: image(facility) }) },
    renewImage: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ images }, facility) =>
        images.renewImage({ requestId: id(), name: image(facility), days: 1 }) },
    labelImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ images }, facility) =>
        images.labelImage({ requestId: id(), name: image(facility), set: { a: 'b' }, remove: [] }) },
    shareImage: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ images }, facility) =>
        images.shareImage({ requestId: id(), name: image(facility), shared: true }) },
  },
  aliases: {
    setAlias: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ aliases }, facility) => aliases.setAlias(SetAliasRequest.create({
        requestId: id(), alias: name(facility, 'stable'), image: image(facility),
      })) },
    getAlias: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ aliases }, facility) => aliases.getAlias({ alias: name(facility, 'stable') }) },
    listAliases: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ aliases }, facility) => aliases.listAliases({ ...page, namespace: facility }) },
    listAliasHistory: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ aliases }, facility) =>
        aliases.listAliasHistory({ ...page, alias: name(facility, 'stable') }) },
    rollbackAlias: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ aliases }, facility) => aliases.rollbackAlias(RollbackAliasRequest.create({
        requestId: id(), alias: name(facility, 'stable'),
      })) },
    resumeAlias: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ aliases }, facility) => aliases.resumeAlias({
        requestId: id(), alias: name(facility, 'stable'), etag: '', reason: '',
      }) },
    deleteAlias: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ aliases }, facility) => aliases.deleteAlias({
        requestId: id(), alias: name(facility, 'stable'), etag: '', reason: '',
      }) },
  },
  resolver: {
    resolveImage: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }, facility) =>
        resolver.resolveImage(
          ResolveImageRequest.create({ reference: name(facility, 'debian-13'), explain: true })) },
    batchResolveImages: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }, facility) => resolver.batchResolveImages({
        requests: [ResolveImageRequest.create({ reference: name(facility, 'debian-13') })] }) },
    parseReference: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }, facility) =>
        resolver.parseReference({ reference: name(facility, 'debian-13') }) },
    createLock: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }, facility) => resolver.createLock(CreateLockRequest.create({
        requestId: id(), nodes: [{ node: 'a', reference: name(facility, 'debian-13'), arch: '' }],
      })) },
    getLock: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }) => resolver.getLock({ lock: '01KV2ZJX5T8Q4N6R0W3Y7B9C1D' }) },
    verifyLock: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }, facility) =>
        resolver.verifyLock({ nodes: [LockedNode.create({ image: image(facility) })] }) },
    upgradeLock: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ resolver }, facility) => resolver.upgradeLock({ nodes: [], facility: facility && 'lab1' }) },
  },
  // Whose hold it is, is checked in holds/service.test.ts.
  holds: {
    createHolds: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ holds }, facility) => holds.createHolds(CreateHoldsRequest.create({
        requestId: id(), images: [image(facility)], kind: HoldKind.HOLD_KIND_ARTIFACT, reason: 'a paper',
      })) },
    renewHold: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ holds }) => holds.renewHold({ requestId: id(), hold: id(), expireTime: undefined }) },
    releaseHolds: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ holds }) =>
        holds.releaseHolds({ requestId: id(), which: { $case: 'link', value: 'nowhere' } }) },
    listHolds: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ holds }) => holds.listHolds(ListHoldsRequest.create({})) },
    listHolders: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ holds }, facility) => holds.listHolders({ ...page, image: image(facility) }) },
  },
  builds: buildRows,
  uploads: {
    // With bytes that stay at a facility: in uploads/custom.test.ts.
    beginUpload: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere', 'portal'),
      call: ({ uploads }, facility) =>
        uploads.beginUpload({ requestId: id(), target: name(facility, 'debian-13'), notes: '', labels: {}, custom: undefined }) },
    // Whose upload it is, is checked in uploads/ownership.test.ts.
    commitUpload: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'everywhere'),
      call: ({ uploads }) => uploads.commitUpload(commitMessages(id(), Buffer.alloc(0))) },
    abortUpload: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'everywhere'),
      call: ({ uploads }) => uploads.abortUpload({ requestId: id(), uploadId: id() }) },
    getUpload: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'everywhere'),
      call: ({ uploads }) => uploads.getUpload({ uploadId: id() }) },
  },
  chunks: {
    findMissing: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ chunks }) => chunks.findMissing({ digests, uploadId: '' }) },
    getFingerprints: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ chunks }) => chunks.getFingerprints({ digests }) },
    fetchChunks: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ chunks }) => chunks.fetchChunks({ digests }) },
    storeChunks: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'everywhere'),
      call: ({ chunks }) => chunks.storeChunks(streamOf(encodeUploadId(id()))) },
  },
  deltas: {
    fetchDeltas: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ deltas }) => deltas.fetchDeltas({ target: Buffer.alloc(32), bases: digests, wanted: digests }) },
  },
  facilities: {
    createFacility: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ facilities }, facility) => facilities.createFacility({
        requestId: id(), name: facility === 'lab9' ? 'lab8' : facility, displayName: '', arch: '',
      }) },
    getFacility: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ facilities }, facility) => facilities.getFacility({ name: facility }) },
    listFacilities: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ facilities }) => facilities.listFacilities(page) },
    pushImage: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ facilities }, facility) =>
        facilities.pushImage({ requestId: id(), image: image(''), facility }) },
    dropImage: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ facilities }, facility) =>
        facilities.dropImage({ requestId: id(), image: image(''), facility }) },
    listReplicas: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ facilities }, facility) => facilities.listReplicas({ ...page, facility }) },
    explainReplica: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ facilities }, facility) =>
        facilities.explainReplica({ facility, image: image('') }) },
    putQuota: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ facilities }, facility) => facilities.putQuota({
        requestId: id(), facility, customQuotaBytes: 1n, customDays: 1,
      }) },
    createJoinToken: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ facilities }, facility) => facilities.createJoinToken({ requestId: id(), facility }) },
  },
  access: accessRows,
  rules: ruleRows,
  sources: sourceRows,
  retention: retentionRows,
  storage: {
    collect: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ storage }) => storage.collect({ validateOnly: false }) },
  },
  integrity: {
    getIntegrity: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ integrity }) => integrity.getIntegrity({}) },
    scrub: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ integrity }) => integrity.scrub({}) },
    checkChunks: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'everywhere'),
      call: ({ integrity }) => integrity.checkChunks({ digests }) },
  },
  agents: {
    watchDesiredState: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own'),
      call: ({ agents }, facility) => agents.watchDesiredState({ facility }) },
    getTicket: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own'),
      call: ({ agents }, facility) => agents.getTicket({ facility, image: image('') }) },
    askEviction: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own'),
      call: ({ agents }, facility) =>
        agents.askEviction({ facility, images: [image('')], validateOnly: true }) },
    reportState: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own'),
      call: ({ agents }, facility) => agents.reportState(ReportStateRequest.create({ facility })) },
    enroll: { may: { ...row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'), joiner: 'everywhere' },
      call: ({ agents }) => agents.enroll({ requestId: id(), certificateRequest: digests }) },
    renewCertificate: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own'),
      call: ({ agents }, facility) =>
        agents.renewCertificate({ requestId: id(), facility, certificateRequest: digests }) },
  },
  audit: {
    listEvents: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'nowhere'),
      call: ({ audit }, facility) => audit.listEvents({ ...page, filter: EventFilter.create({ facility }) }) },
    watchEvents: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'nowhere'),
      call: ({ audit }, facility) =>
        audit.watchEvents({ filter: EventFilter.create({ facility }), afterSequence: 0n }) },
    verifyEvents: { may: row('everywhere', 'nowhere', 'nowhere', 'nowhere', 'nowhere'),
      call: ({ audit }) => audit.verifyEvents({ afterSequence: 0n, hash: '' }) },
  },
}
