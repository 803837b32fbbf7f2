import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { chunkPlane } from '../../lib/chunks/plane.ts'
import { encodeUploadId } from '../../lib/chunks/plane.ts'
import { Failure } from '../../lib/failure.ts'
import {
  ReportStateRequest,
  type AgentServiceService,
} from '../../proto/gen/merge/image/v1/agent.ts'
import {
  RollbackAliasRequest,
  SetAliasRequest,
  type AliasServiceService,
} from '../../proto/gen/merge/image/v1/alias.ts'
import type { CatalogServiceService } from '../../proto/gen/merge/image/v1/catalog.ts'
import type { DeltaServiceService } from '../../proto/gen/merge/image/v1/delta.ts'
import type { FacilityServiceService } from '../../proto/gen/merge/image/v1/facility.ts'
import type { ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import type { IntegrityServiceService } from '../../proto/gen/merge/image/v1/integrity.ts'
import {
  CreateLockRequest,
  LockedNode,
  ResolveImageRequest,
  type ResolverServiceService,
} from '../../proto/gen/merge/image/v1/resolver.ts'
import type { StorageServiceService } from '../../proto/gen/merge/image/v1/storage.ts'
import type { UploadServiceService } from '../../proto/gen/merge/image/v1/upload.ts'
import { makeFacilities } from '../support/facilities.ts'
import { commitMessages } from '../support/images.ts'
import { freshPortal, type Clients } from '../support/portal.ts'
import { streamOf } from '../support/rpc.ts'

/** For whose things a call can be: the portal's own, the caller's facility's, another's, or one's that is not there. */
const places = ['portal', 'own', 'other', 'absent'] as const
type Place = (typeof places)[number]

const facilityOf = { portal: '', own: 'lab1', other: 'lab2', absent: 'lab9' } as const

const callers = {
  admin: 'admin',
  producer: 'producer:alice',
  experimenter: 'experimenter:bob',
  manager: 'manager:lab1',
  agent: 'agent:lab1',
} as const
type Who = keyof typeof callers

/** Where a caller may call a method. */
const may = {
  everywhere: places,
  portal: ['portal'],
  own: ['own'],
  nowhere: [],
} as const satisfies Record<string, readonly Place[]>
type May = keyof typeof may

/** One method: how it is called for something, and where each caller may. */
interface Row {
  readonly call: (clients: Clients, facility: string) => Promise<unknown> | AsyncIterable<unknown>
  readonly may: Readonly<Record<Who, May>>
}

/** A method without a row does not compile. */
interface Table {
  readonly catalog: Record<keyof typeof CatalogServiceService, Row>
  readonly images: Record<keyof typeof ImageServiceService, Row>
  readonly aliases: Record<keyof typeof AliasServiceService, Row>
  readonly resolver: Record<keyof typeof ResolverServiceService, Row>
  readonly uploads: Record<keyof typeof UploadServiceService, Row>
  readonly chunks: Record<keyof typeof chunkPlane, Row>
  readonly deltas: Record<keyof typeof DeltaServiceService, Row>
  readonly facilities: Record<keyof typeof FacilityServiceService, Row>
  readonly storage: Record<keyof typeof StorageServiceService, Row>
  readonly integrity: Record<keyof typeof IntegrityServiceService, Row>
  readonly agents: Record<keyof typeof AgentServiceService, Row>
}

type Everybody = Row['may']
const row = (
  admin: May,
  producer: May,
  experimenter: May,
  manager: May,
  agent: May,
): Everybody => ({ admin, producer, experimenter, manager, agent })

const name = (facility: string, rest: string) => (facility === '' ? rest : `${facility}/${rest}`)
const image = (facility: string) => name(facility, 'debian-13.0-std-x86-20200101')
const page = { pageSize: 0, pageToken: '' }
const id = () => randomUUID()
const digests = Buffer.alloc(0)

// prettier-ignore
const table: Table = {
  //                       admin         producer      experimenter  manager       agent
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
        images.releaseImage({ requestId: id(), name: image(facility), etag: '' }) },
    getManifest: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }) => images.getManifest({ digest: `sha256:${'0'.repeat(64)}` }) },
    diffImages: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ images }, facility) =>
        images.diffImages({ from: image(facility), to: image(facility) }) },
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
  uploads: {
    beginUpload: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
      call: ({ uploads }, facility) =>
        uploads.beginUpload({ requestId: id(), target: name(facility, 'debian-13'), notes: '' }) },
    // Whose upload it is, is checked in uploads/ownership.test.ts.
    commitUpload: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'nowhere'),
      call: ({ uploads }) => uploads.commitUpload(commitMessages(id(), Buffer.alloc(0))) },
    abortUpload: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'nowhere'),
      call: ({ uploads }) => uploads.abortUpload({ requestId: id(), uploadId: id() }) },
    getUpload: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'nowhere'),
      call: ({ uploads }) => uploads.getUpload({ uploadId: id() }) },
  },
  chunks: {
    findMissing: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ chunks }) => chunks.findMissing({ digests, uploadId: '' }) },
    fetchChunks: { may: row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere'),
      call: ({ chunks }) => chunks.fetchChunks({ digests }) },
    storeChunks: { may: row('everywhere', 'everywhere', 'nowhere', 'everywhere', 'nowhere'),
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
    listReplicas: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
      call: ({ facilities }, facility) => facilities.listReplicas({ ...page, facility }) },
  },
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
    reportState: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own'),
      call: ({ agents }, facility) => agents.reportState(ReportStateRequest.create({ facility })) },
  },
}

/** Whether the call gets past the gate, whatever becomes of it then. */
async function passes(result: ReturnType<Row['call']>): Promise<boolean> {
  try {
    await first(result)
    return true
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === 'internal') throw error
    return error.reason !== 'NOT_ALLOWED'
  }
}

describe('who may call what', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let clients: Record<Who, Clients>

  beforeAll(async () => {
    portal = await freshPortal()
    const { as } = portal
    await makeFacilities(as('admin'), 'lab1', 'lab2')
    clients = {
      admin: as(callers.admin),
      producer: as(callers.producer),
      experimenter: as(callers.experimenter),
      manager: as(callers.manager),
      agent: as(callers.agent),
    }
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const cells = Object.entries(table).flatMap(([service, methods]) =>
    Object.entries(methods as Record<string, Row>).flatMap(([method, { call, may: where }]) =>
      (Object.keys(callers) as Who[]).map((who) => ({
        title: `${service}.${method} as ${who}: ${where[who]}`,
        who,
        call,
        where: may[where[who]] as readonly Place[],
      })),
    ),
  )

  test.each(cells)('$title', async ({ who, call, where }) => {
    const found = []
    for (const place of places) {
      if (await passes(call(clients[who], facilityOf[place]))) found.push(place)
    }
    expect(found).toEqual(where)
  })

  test('a caller that does not say who it is in a known way calls nothing', async () => {
    const nobody = portal.as('root')
    const told = { kind: 'unidentified', reason: 'NOT_IDENTIFIED' }
    for (const methods of Object.values(table) as Record<string, Row>[]) {
      for (const { call } of Object.values(methods)) {
        await expect(first(call(nobody, 'lab1'))).rejects.toMatchObject(told)
      }
    }
  })
})

async function first(result: ReturnType<Row['call']>): Promise<void> {
  if (Symbol.asyncIterator in result) for await (const _ of result) break
  else await result
}
