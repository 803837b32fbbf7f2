import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { fingerprintOf } from '../../../lib/chunks/fingerprint.ts'
import { joinDigests } from '../../../lib/content/digest.ts'
import { decodeRuns } from '../../../lib/chunks/plane.ts'
import { damageIn } from '../../../services/chunks/damage.ts'
import { chunkIndex } from '../../../services/chunks/queries.ts'
import { chunksOf, digestsOf, noise, zstdChunk, type Chunk } from '../../support/chunks.ts'
import { storeUnder } from '../../support/overlapping.ts'
import { freshPortal } from '../../support/portal.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>

beforeAll(async () => {
  portal = await freshPortal()
})

afterAll(() => portal[Symbol.asyncDispose]())

const none = Buffer.alloc(32)
const fingerprintsOf = (chunks: readonly Chunk[]): Buffer =>
  Buffer.concat(chunks.map(({ entry, stored }) => fingerprintOf(entry, stored)))

async function asked(chunks: readonly Chunk[]): Promise<Buffer> {
  const digests = joinDigests(digestsOf(chunks))
  return (await portal.as('agent:lab1').chunks.getFingerprints({ digests })).fingerprints
}

test('what was uploaded is recognised by what was checked then, what is not here by nothing', async () => {
  const text = Buffer.from(randomUUID().repeat(1000))
  const stored = [...chunksOf('stored', 5), zstdChunk(text)]
  const [absent] = chunksOf('absent', 1)
  if (absent === undefined) throw new Error('no chunk')
  await storeUnder(portal.as('producer'), 'debian-13', stored)
  const [first, ...more] = stored
  if (first === undefined) throw new Error('no chunk')
  const answer = await asked([first, absent, ...more, first])
  const wanted = [fingerprintsOf([first]), none, fingerprintsOf([...more, first])]
  expect(answer).toEqual(Buffer.concat(wanted))
})

test('a damaged chunk has none, and one that is repaired that of the bytes that came', async () => {
  const chunks = chunksOf('damaged', 3)
  await storeUnder(portal.as('producer'), 'debian-13', chunks)
  const [digest] = digestsOf(chunks)
  if (digest === undefined) throw new Error('no chunk')
  const places = await chunkIndex(portal.sql).locate([digest])
  const pack = places.get(digest)?.pack ?? ''
  await damageIn(portal.sql).note(pack, [digest])
  expect(await asked(chunks.slice(0, 1))).toEqual(none)

  // The same content in other bytes, as another encoder might have made them.
  const other = noise('other bytes', 700)
  const entry = { digest, codec: 'zstd', storedBytes: 700, rawBytes: 1000, offset: 8 } as const
  const recorded = [{ ...entry, fingerprint: fingerprintOf(entry, other) }]
  await chunkIndex(portal.sql).record('packs/repaired', 1000, recorded)
  expect(await asked(chunks.slice(0, 1))).toEqual(fingerprintOf(entry, other))
})

test('a chunk that nobody took a fingerprint of has none', async () => {
  const chunks = chunksOf('unknown', 1)
  const [chunk] = chunks
  if (chunk === undefined) throw new Error('no chunk')
  await chunkIndex(portal.sql).record('packs/unknown', 2000, [{ ...chunk.entry, offset: 8 }])
  expect(await asked(chunks)).toEqual(none)
})

test('what is fetched comes with its fingerprints', async () => {
  const chunks = chunksOf('fetched', 3)
  await storeUnder(portal.as('producer'), 'debian-13', chunks)
  const digests = joinDigests(digestsOf(chunks))
  const runs = decodeRuns(portal.as('agent:lab1').chunks.fetchChunks({ digests }))
  const entries = new Map(chunks.map((chunk) => [chunk.entry.digest, chunk]))
  for await (const run of runs) {
    const sent = run.entries.flatMap(({ digest }) => entries.get(digest) ?? [])
    expect(run.told).toEqual(fingerprintsOf(sent))
  }
  expect.hasAssertions()
})
