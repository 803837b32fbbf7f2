import type { BlobStore } from '../chunks/blobs.ts'
import { type Finding, finding, mended } from './findings.ts'
import type { Side } from './side.ts'

/** Holds the objects of deltas against their rows. Nothing depends on deltas: either goes without the other. */
export async function checkDeltas(
  deltas: NonNullable<Side['deltas']>,
  blobs: BlobStore,
  repair: boolean,
): Promise<Finding[]> {
  const recorded = new Set(await deltas.keys())
  const leaving = await deltas.leaving()
  const findings: Finding[] = []
  for await (const { key } of blobs.list('deltas/')) {
    if (recorded.delete(key) || leaving.has(key)) continue
    if (repair) await blobs.delete(key)
    findings.push(finding('stray delta', key, 0, '', mended(repair)))
  }
  for (const key of recorded) {
    if (repair) await deltas.forget(key)
    findings.push(finding('lost delta', key, 0, '', mended(repair)))
  }
  return findings
}
