import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { collectableIn } from '../../agent/collectable.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { planEviction, ranksOf, type Stored } from '../../agent/evict.ts'
import { needsIn } from '../../agent/needs.ts'
import { placesIn } from '../../agent/places.ts'
import { weigh } from '../../agent/weights.ts'
import { layOut } from '../../lib/chunks/pack.ts'
import { sha256, type Digest } from '../../lib/content/digest.ts'
import { chunksOf } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'

const entries = layOut(chunksOf('weighed', 12).map(({ entry }) => entry))
const manifest = (id: number): Digest => sha256(Buffer.from(`manifest ${id}`))
const time = new Date('2026-06-15T12:00:00Z')

const image = (id: number): Stored => ({
  ...{ name: `image ${id}`, digest: manifest(id), bytes: 1 },
  ...{ arrived: new Date(time.getTime() + id), used: undefined, unwanted: time },
})

/** Which chunks each of six manifests needs, which of these may go, which nobody needs as it is, and how much is to go. */
const world = fc.record({
  needs: fc.array(fc.uniqueArray(fc.nat(entries.length - 1), { maxLength: 8 }), {
    ...{ minLength: 6, maxLength: 6 },
  }),
  candidates: fc.uniqueArray(fc.nat(5), { maxLength: 5 }),
  stale: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
  bytes: fc.nat(40_000),
})

type World = typeof world extends fc.Arbitrary<infer T> ? T : never

test('the bytes foretold are those that the collector frees, and not more', async () => {
  const check = async ({ needs, candidates, stale, bytes }: World) => {
    await using folder = await temporaryFolder()
    using db = openAgentDatabase(folder.path)
    const table = needsIn(db)
    const collectable = collectableIn(db, table.takeRevived)
    await placesIn(db).record('packs/1', 100_000, entries)
    for (const [id, chunks] of needs.entries()) {
      await table.add(
        manifest(id),
        chunks.flatMap((at) => entries[at]?.digest ?? []),
      )
    }
    const isKept = (digest: Digest) => !stale.some((id) => manifest(id) === digest)
    const order = candidates.filter((id) => !stale.includes(id)).toSorted((a, b) => a - b)
    const here = needs.flatMap((_, id) => (stale.includes(id) ? [] : image(id)))
    const ranks = ranksOf(order.map(image), here, () => false)
    const weights = await weigh(db, ranks, isKept)
    const goers = planEviction(order.map(image), ranks, weights, bytes)
    const gone = new Set(goers.map((goer) => goer.image.digest))
    const foretold = goers.reduce((sum, goer) => sum + goer.freedBytes, weights.goingBytes)
    const kept = here.map(({ digest }) => digest).filter((digest) => !gone.has(digest))
    await table.keepOnly(() => new Set(kept))
    expect((await collectable.condemn(0, false)).bytes).toBe(foretold)
    expect((await collectable.doom(0, false)).bytes).toBe(foretold)
  }
  await fc.assert(fc.asyncProperty(world, check), { numRuns: 150 })
})
