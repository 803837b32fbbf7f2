import type { Counted } from '../../lib/chunks/limit.ts'
import type { Figure, Kind, Meter } from '../../lib/metrics/meter.ts'
import {
  certificateFigure,
  damageFigures,
  placeFigures,
  placeKinds,
  storeKinds,
  type StoreFigure,
} from '../../lib/metrics/store.ts'
import type { Security } from '../../lib/rpc/security.ts'
import { damageIn } from '../chunks/damage.ts'
import type { Sql } from '../db/open.ts'
import {
  agentsCertificates,
  countBuilds,
  countDrafts,
  countImages,
  packsOf,
  standings,
} from './queries.ts'

/** A store of the portal, by its rows. */
interface Kept {
  readonly name: 'main' | 'archive'
  readonly sql: Sql
}

export interface ReadingDeps {
  readonly sql: Sql
  readonly data: string
  readonly security: Pick<Security, 'expires'>
  /** What is sent goes through it. */
  readonly limit: Counted
  /** The rows of the archive; undefined where there is none. */
  readonly archive: Sql | undefined
}

const ofFacility = ['facility'] as const

const kinds = {
  images: { kind: 'gauge', help: 'Images there are.', labels: ['state', 'storage'] },
  builds: {
    kind: 'gauge',
    help: 'Builds and imports that wait (queued), run (running) or failed within a day (failed).',
    labels: ['state'],
  },
  facility_desired_generation: {
    kind: 'gauge',
    help: 'The newest generation of what a facility should hold.',
    labels: ofFacility,
  },
  facility_applied_generation: {
    kind: 'gauge',
    help: 'The one that its agent said last that it carried out.',
    labels: ofFacility,
  },
  facility_report_timestamp_seconds: {
    kind: 'gauge',
    help: 'When its agent said something last.',
    labels: ofFacility,
  },
  audit_unchained: { kind: 'gauge', help: 'Events that are not in the audit chain yet.' },
} as const satisfies Readonly<Record<string, Kind>>

/** Has a meter read what the portal knows, whenever somebody looks. */
export const portalFigures = (deps: ReadingDeps) => (meter: Meter) => {
  const { sql, data, security, limit, archive } = deps
  const main: Kept = { name: 'main', sql }
  const stores = archive === undefined ? [main] : [main, { name: 'archive', sql: archive } as const]
  meter.reading('database', kinds, () => inDatabase(sql))
  meter.reading('stores', storeKinds, async () => (await Promise.all(stores.map(inStore))).flat())
  meter.reading('place', placeKinds, async () => {
    const own = { name: 'portal', expires: security.expires() }
    const [of, agents] = await Promise.all([
      placeFigures(data, own, limit.bytes()),
      agentsCertificates(sql),
    ])
    return [...of, ...agents.map(({ name, expireTime }) => certificateFigure(name, expireTime))]
  })
}

async function inDatabase(sql: Sql): Promise<readonly Figure<keyof typeof kinds>[]> {
  const [images, builds, facilities, drafts] = await Promise.all([
    countImages(sql),
    countBuilds(sql),
    standings(sql),
    countDrafts(sql),
  ])
  return [
    ...images.map(({ labels, count: value }) => ({ name: 'images', labels, value }) as const),
    ...builds.map(({ labels, count: value }) => ({ name: 'builds', labels, value }) as const),
    ...facilities.flatMap(({ name: facility, desired, applied, heard }) => {
      const labels = { facility }
      return [
        { name: 'facility_desired_generation', labels, value: desired },
        { name: 'facility_applied_generation', labels, value: applied },
        ...(heard === null
          ? []
          : [{ name: 'facility_report_timestamp_seconds', labels, value: heard } as const]),
      ] as const
    }),
    { name: 'audit_unchained', value: drafts },
  ]
}

async function inStore({ name, sql }: Kept): Promise<readonly StoreFigure[]> {
  const [{ count, bytes }, damaged] = await Promise.all([
    packsOf(sql),
    damageFigures(name, damageIn(sql)),
  ])
  const labels = { store: name }
  return [
    { name: 'packs', labels, value: count },
    { name: 'stored_bytes', labels, value: bytes },
    ...damaged,
  ]
}
