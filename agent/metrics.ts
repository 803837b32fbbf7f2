import type { Clock } from '../lib/chunks/clock.ts'
import type { Counted } from '../lib/chunks/limit.ts'
import type { Figure, Kind, Meter } from '../lib/metrics/meter.ts'
import { damageFigures, placeFigures, placeKinds, storeKinds } from '../lib/metrics/store.ts'
import type { Security } from '../lib/rpc/security.ts'
import type { Storage } from './storage.ts'
import type { SyncState } from './sync.ts'

export interface ReadingDeps {
  readonly data: string
  readonly facility: string
  readonly security: Pick<Security, 'expires'>
  /** What is sent to others goes through it. */
  readonly limit: Counted
  readonly storage: Pick<Storage, 'images' | 'damage'>
  readonly sync: { readonly state: SyncState; readonly clock: Clock }
  /** Whether this is the portal's own agent, which holds nothing for a facility. */
  readonly isPortals: boolean
}

const kinds = {
  images: {
    kind: 'gauge',
    help: 'Images that are here (present), should be (wanted), and could not be fetched (failed).',
    labels: ['state'],
  },
  transfers: {
    kind: 'gauge',
    help: 'Fetches since the agent started, by how they stand: fetching, waiting, present or failed.',
    labels: ['state'],
  },
  fetched_bytes_total: {
    kind: 'count',
    help: 'Bytes of images that came, from peers or the portal.',
    labels: ['origin'],
  },
  desired_generation: { kind: 'gauge', help: 'The newest generation that the portal told.' },
  applied_generation: { kind: 'gauge', help: 'The one that is carried out.' },
  portal_silence_seconds: {
    kind: 'gauge',
    help: 'How long ago the portal answered last; since the start, before it did.',
  },
} as const satisfies Readonly<Record<string, Kind>>

/** Has a meter read what the agent knows, whenever somebody looks. */
export const agentFigures = (deps: ReadingDeps) => (meter: Meter) => {
  const { data, facility, security, limit } = deps
  const { images, damage } = deps.storage
  const { state, clock } = deps.sync
  const labels = { store: 'main' }
  meter.reading('store', storeKinds, async () => [
    { name: 'packs', labels, value: images.packs().size },
    { name: 'stored_bytes', labels, value: Number(images.storedBytes()) },
    ...(await damageFigures('main', damage)),
  ])
  meter.reading('place', placeKinds, () => {
    const own = { name: `agent:${facility}`, expires: security.expires() }
    return placeFigures(data, own, limit.bytes())
  })
  if (deps.isPortals) return
  meter.reading('sync', kinds, () =>
    Promise.resolve(inState(state, images.present().length, clock.now())),
  )
}

function inState(
  { desired, applied, transfers, fetched, heardAt }: SyncState,
  present: number,
  now: number,
): readonly Figure<keyof typeof kinds>[] {
  const stood = Object.groupBy(transfers.values(), ({ state }) => state)
  const failed = stood.failed?.length ?? 0
  const wanted = desired.images.length
  return [
    ...Object.entries({ present, wanted, failed }).map(
      ([state, value]) => ({ name: 'images', labels: { state }, value }) as const,
    ),
    ...(['fetching', 'waiting', 'present', 'failed'] as const).map(
      (state) =>
        ({ name: 'transfers', labels: { state }, value: stood[state]?.length ?? 0 }) as const,
    ),
    ...Object.entries(fetched).map(
      ([origin, value]) => ({ name: 'fetched_bytes_total', labels: { origin }, value }) as const,
    ),
    { name: 'desired_generation', value: Number(desired.generation) },
    { name: 'applied_generation', value: Number(applied) },
    { name: 'portal_silence_seconds', value: (now - heardAt) / 1000 },
  ]
}
