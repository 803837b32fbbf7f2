import type { DamageLog } from '../chunks/damage.ts'
import { diskOf } from '../disk.ts'
import type { Figure, Kind } from './meter.ts'

const labels = ['store'] as const

/** What a store of chunks tells of itself. */
export const storeKinds = {
  packs: { kind: 'gauge', help: 'Files that hold chunks.', labels },
  stored_bytes: { kind: 'gauge', help: 'What they take.', labels },
  damaged_chunks: {
    kind: 'gauge',
    help: 'Chunks that are damaged, and of which nobody who was asked has a good copy.',
    labels,
  },
  scrub_found_chunks: {
    kind: 'gauge',
    help: 'Chunks that the scrub that goes on, or the last one, found damaged.',
    labels,
  },
  scrub_repaired_chunks: { kind: 'gauge', help: 'Chunks that it repaired.', labels },
  scrub_end_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the last whole scrub ended; before the first one, when the store was first used.',
    labels,
  },
} as const satisfies Readonly<Record<string, Kind>>

export type StoreFigure = Figure<keyof typeof storeKinds>

/** What is known of a store's damage. */
export async function damageFigures(
  store: string,
  damage: Pick<DamageLog, 'left' | 'place'>,
): Promise<readonly StoreFigure[]> {
  const [left, { after, soFar, last, endedAt }] = await Promise.all([damage.left(), damage.place()])
  const counts = after === '' ? last : soFar
  const of = { store }
  return [
    { name: 'damaged_chunks', labels: of, value: left.length },
    { name: 'scrub_found_chunks', labels: of, value: counts?.damaged ?? 0 },
    { name: 'scrub_repaired_chunks', labels: of, value: counts?.repaired ?? 0 },
    ...(endedAt === 0
      ? []
      : [{ name: 'scrub_end_timestamp_seconds', labels: of, value: endedAt / 1000 } as const]),
  ]
}

/** What a process tells of where it runs. */
export const placeKinds = {
  disk_free_bytes: { kind: 'gauge', help: 'What is free on the disk of --data.' },
  disk_size_bytes: { kind: 'gauge', help: 'What that disk holds.' },
  certificate_end_timestamp_seconds: {
    kind: 'gauge',
    help: 'When the certificate runs out that the process shows, or that it gave to a facility.',
    labels: ['of'],
  },
  served_bytes_total: { kind: 'count', help: 'Bytes of images that were sent.' },
} as const satisfies Readonly<Record<string, Kind>>

export type PlaceFigure = Figure<keyof typeof placeKinds>

export async function placeFigures(
  data: string,
  { name, expires }: { readonly name: string; readonly expires: Date | undefined },
  servedBytes: number,
): Promise<readonly PlaceFigure[]> {
  const { usedBytes, totalBytes } = await diskOf(data)
  return [
    { name: 'disk_free_bytes', value: totalBytes - usedBytes },
    { name: 'disk_size_bytes', value: totalBytes },
    { name: 'served_bytes_total', value: servedBytes },
    ...(expires === undefined ? [] : [certificateFigure(name, expires)]),
  ]
}

export function certificateFigure(of: string, expires: Date): PlaceFigure {
  const value = expires.getTime() / 1000
  return { name: 'certificate_end_timestamp_seconds', labels: { of }, value }
}
