import { expect, test } from '@jest/globals'
import { copyImage, type CopyingDeps } from '../../agent/copying.ts'
import { fingerprintOf } from '../../lib/chunks/fingerprint.ts'
import type { RankedSource } from '../../lib/chunks/ranking.ts'
import { openStanding } from '../../lib/chunks/standing.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'
import { collect, digestsOf, holding, noise, rawChunk, zstdChunk } from '../support/chunks.ts'

const words = Buffer.from('one line after another\n'.repeat(900))
/** As the portal has it, and as a peer does that made it of a delta and has not compressed it yet. */
const [portals, peers] = [zstdChunk(words), rawChunk(words)]
const dense = rawChunk(noise('dense', 5000))
const unknown = rawChunk(noise('unknown', 5000))
const all = [peers, dense, unknown]
const fingerprints = new Map(
  [portals, dense].map(({ entry, stored }) => [entry.digest, fingerprintOf(entry, stored)]),
)

async function copied(from: RankedSource['origin']): Promise<Digest[]> {
  const marked: Digest[] = []
  const source: RankedSource = { name: from, origin: from, source: holding(all) }
  const clock = { now: () => performance.now(), sleep }
  const deps: CopyingDeps = {
    store: {
      ...holding([]),
      remove: () => Promise.resolve(),
      async store(runs) {
        await collect(runs)
      },
    },
    clock,
    standing: openStanding({ now: clock.now, chance: () => 0.5 }),
    limit: { take: () => Promise.resolve() },
    portal: source,
    company: () => ({ holders: [source], fetchers: [], self: '' }),
    fingerprints: {
      known: (digest) => fingerprints.get(digest),
      learn: () => ({ [Symbol.dispose]: () => undefined }),
    },
    uncompressed: { add: (digests) => marked.push(...digests) },
  }
  const news = { reused: () => undefined, fetched: () => undefined }
  const [digests, image] = [digestsOf(all), Image.create({ name: 'debian-13' })]
  const terms = { peers: from === 'peer' ? 'only' : 'last' } as const
  const copying = { image, digests, lacking: digests, news, ...terms }
  await copyImage(copying, deps, new AbortController().signal)
  return marked
}

test('what a peer has raw, and the portal compressed, is to be compressed here', async () => {
  expect(await copied('peer')).toEqual([peers.entry.digest])
})

test('what comes from the portal is as it should be', async () => {
  expect(await copied('portal')).toEqual([])
})
