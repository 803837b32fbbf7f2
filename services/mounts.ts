import type { Limit } from '../lib/chunks/limit.ts'
import { integrityService } from '../lib/chunks/integrity.ts'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { chunkService } from '../lib/chunks/serve.ts'
import { mount, type Mounted } from '../lib/rpc/serve.ts'
import { AccessServiceService } from '../proto/gen/merge/image/v1/access.ts'
import { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import { AliasServiceService } from '../proto/gen/merge/image/v1/alias.ts'
import { AuditServiceService } from '../proto/gen/merge/image/v1/audit.ts'
import { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import { HoldServiceService } from '../proto/gen/merge/image/v1/hold.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../proto/gen/merge/image/v1/integrity.ts'
import { SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import { SourceServiceService } from '../proto/gen/merge/image/v1/source.ts'
import { StorageServiceService } from '../proto/gen/merge/image/v1/storage.ts'
import { RetentionServiceService } from '../proto/gen/merge/image/v1/retention.ts'
import { UploadServiceService } from '../proto/gen/merge/image/v1/upload.ts'
import * as access from './access.ts'
import type { Audit } from './audit/audit.ts'
import { agentService } from './agents/service.ts'
import { aliasService } from './aliases/service.ts'
import { buildService } from './builds/handlers.ts'
import { fingerprints } from './chunks/queries.ts'
import { catalogService } from './catalog/service.ts'
import { deltaPlane } from './deltas/plane.ts'
import { deltaService } from './deltas/service.ts'
import { facilityService } from './facilities/service.ts'
import { holdService } from './holds/service.ts'
import type { Entry } from './identity/entry.ts'
import { joining } from './identity/joining.ts'
import { accessService } from './identity/service.ts'
import { imageService } from './images/service.ts'
import { ruleService } from './rules/service.ts'
import { retentionService } from './retention/service.ts'
import { resolverService } from './resolver/service.ts'
import { resolverPlane } from './resolver/wire.ts'
import { sourceService } from './sources/handlers.ts'
import { storageService } from './storage/service.ts'
import { ticketKeys } from './tickets/keys.ts'
import { uploadService } from './uploads/service.ts'
import { uploadsInto } from './uploads/storing.ts'
import type { BlobStore } from '../lib/chunks/blobs.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import type { Room } from './builders/claiming.ts'
import type { BuildNews, Changes } from './db/changes.ts'
import type { Sql } from './db/open.ts'
import type { PortalDeps, PortalSettings } from './portal.ts'
import type { DemandArchive } from './retention/applyplan.ts'
import type { Stores } from './stores.ts'
import type { Leases } from './uploads/leases.ts'

/** What the services are made of. */
export interface Parts extends PortalDeps, Pick<PortalSettings, 'facilityRecipeBytes'> {
  /** Of what is sent of images, to all together. */
  readonly limit: Limit
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly verify: Verify
  readonly leases: Leases
  readonly changes: Changes
  readonly news: BuildNews
  readonly room: Room
  readonly demandArchive: DemandArchive
  readonly audit: Pick<Audit, 'service'>
  readonly entry: Pick<Entry, 'standing' | 'issuing'>
}

/** Every service of the portal, joined with who may call it. */
export function mountServices(parts: Parts, stores: Stores): readonly Mounted[] {
  const { sql, blobs, limit, entry } = parts
  const { store, archive, collecting, scrubbing } = stores
  const chunks = chunkService({
    ...{ source: store, limit },
    fingerprints: (digests) => fingerprints(sql, digests),
    uploads: uploadsInto(store, parts),
  })
  const tickets = { keys: ticketKeys(parts), now: parts.now }
  const images = imageService({ ...parts, archive })
  const { createJoinToken, enroll, renewCertificate } = joining({ ...parts, ...entry })
  const facilities = { ...facilityService(parts), createJoinToken }
  const agents = { ...agentService({ ...parts, tickets }), enroll, renewCertificate }
  return [
    mount(CatalogServiceService, catalogService({ sql }), access.catalogAccess),
    mount(ImageServiceService, images, access.imageAccess),
    mount(AliasServiceService, aliasService({ sql }), access.aliasAccess),
    mount(resolverPlane, resolverService(parts), access.resolverAccess),
    mount(HoldServiceService, holdService(parts), access.holdAccess),
    mount(BuildServiceService, buildService(parts), access.buildAccess),
    mount(SourceServiceService, sourceService(parts), access.sourceAccess),
    mount(UploadServiceService, uploadService(parts), access.uploadAccess),
    mount(chunkPlane, chunks, access.chunkAccess),
    mount(deltaPlane, deltaService({ sql, blobs, limit }), access.deltaAccess),
    mount(FacilityServiceService, facilities, access.facilityAccess),
    mount(SyncRuleServiceService, ruleService(parts), access.ruleAccess),
    mount(RetentionServiceService, retentionService(parts), access.retentionAccess),
    mount(StorageServiceService, storageService(collecting), access.storageAccess),
    mount(IntegrityServiceService, integrityService(scrubbing), access.integrityAccess),
    mount(AuditServiceService, parts.audit.service, access.auditAccess),
    mount(AgentServiceService, agents, access.agentAccess),
    mount(AccessServiceService, accessService({ ...parts, ...entry }), access.accessAccess),
  ]
}
