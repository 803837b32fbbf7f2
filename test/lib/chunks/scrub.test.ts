import { describe, expect, test } from '@jest/globals'
import { rm, truncate } from 'node:fs/promises'
import { scrub } from '../../../lib/chunks/scrub.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { precondition } from '../../../lib/failure.ts'
import { chunksOf, collect, digestsOf } from '../../support/chunks.ts'
import { faulty } from '../../support/faults.ts'
import { flip, type Shelf, shelfOf, toldClock, verifyHere } from '../../support/shelf.ts'

const chunks = chunksOf('chunks', 60)
const digests = digestsOf(chunks)
const never = new AbortController().signal

function chunkAt(i: number): Digest {
  const digest = digests[i]
  if (digest === undefined) throw new Error(`there is no chunk ${i}`)
  return digest
}

function passOf(shelf: Shelf, { after = '', bytesPerSecond = 1e9, clock = toldClock() } = {}) {
  const { blobs, collectable, damage } = shelf
  const deps = { blobs, index: collectable, damage, verify: verifyHere, clock, bytesPerSecond }
  return collect(scrub(after, deps, never))
}

describe('a scrub', () => {
  test('passes what is whole, and says how far it is', async () => {
    await using shelf = await shelfOf(chunks)
    const packs = await shelf.packs()
    const seen = await passOf(shelf)
    expect(packs.length).toBeGreaterThan(4)
    expect(seen.map(({ pack }) => pack)).toEqual(packs)
    expect(seen.some(({ flawed, damaged }) => flawed || damaged > 0)).toBe(false)
    const bytes = chunks.reduce((sum, { stored }) => sum + stored.length, 0)
    expect(seen.at(-1)).toMatchObject({
      donePacks: packs.length,
      totalPacks: packs.length,
      doneBytes: bytes,
      totalBytes: bytes,
    })
  })

  test('finds each chunk that has another bit, and no other', async () => {
    await using shelf = await shelfOf(chunks)
    const bad = [chunkAt(3), chunkAt(4), chunkAt(40)]
    const packs = new Set<string>()
    for (const digest of bad) packs.add(await shelf.rot(digest))
    const seen = await passOf(shelf)
    expect(await shelf.index.absent(digests)).toEqual(bad)
    expect(seen.filter(({ flawed }) => flawed).map(({ pack }) => pack)).toEqual([...packs])
    expect(seen.reduce((sum, { damaged }) => sum + damaged, 0)).toBe(3)
  })

  test('counts damage that is known already no second time', async () => {
    await using shelf = await shelfOf(chunks)
    await shelf.rot(chunkAt(3))
    await passOf(shelf)
    const again = await passOf(shelf)
    expect(again[0]).toMatchObject({ damaged: 0, flawed: true })
  })

  test.each([
    ['a header', 2],
    ['a footer', -3],
    ['an index', -100],
  ])('sees %s of other bytes, though every chunk is right', async (_what, at) => {
    await using shelf = await shelfOf(chunks)
    const [first = ''] = await shelf.packs()
    await flip(shelf.fileOf(first), at)
    expect((await passOf(shelf))[0]).toMatchObject({ pack: first, flawed: true, damaged: 0 })
    expect(await shelf.index.absent(digests)).toEqual([])
  })

  test('finds what a pack that was cut short has lost, and that of one that is gone', async () => {
    await using shelf = await shelfOf(chunks)
    const [cut = '', gone = ''] = await shelf.packs()
    const [lastOfCut, ofGone] = [
      await shelf.collectable.contents(cut),
      await shelf.collectable.contents(gone),
    ]
    await truncate(shelf.fileOf(cut), (lastOfCut.at(-1)?.offset ?? 0) + 10)
    await rm(shelf.fileOf(gone))
    await passOf(shelf)
    const lost = [...lastOfCut.slice(-1), ...ofGone].map(({ digest }) => digest)
    expect(await shelf.index.absent(digests)).toEqual(digests.filter((d) => lost.includes(d)))
  })

  test('goes on behind the pack that it is told, and counts what lies before as done', async () => {
    await using shelf = await shelfOf(chunks)
    const packs = await shelf.packs()
    await shelf.rot(chunkAt(0))
    const seen = await passOf(shelf, { after: packs[1] ?? '' })
    expect(seen.map(({ pack }) => pack)).toEqual(packs.slice(2))
    expect(seen[0]).toMatchObject({ donePacks: 3, totalPacks: packs.length })
    expect(await shelf.damage.left()).toEqual([])
  })

  test('takes as long as its rate says', async () => {
    await using shelf = await shelfOf(chunks)
    const clock = toldClock()
    const seen = await passOf(shelf, { clock, bytesPerSecond: 10_000 })
    const bytes = seen.at(-1)?.doneBytes ?? 0
    // A pause of 250 ms is made up for.
    expect(clock.now()).toBeGreaterThanOrEqual((bytes / 10_000) * 1000 - 251)
    expect(clock.now()).toBeLessThan((bytes / 10_000) * 1000 + 1)
  })

  test('does not read faster after a long pause', async () => {
    await using shelf = await shelfOf(chunks)
    const { blobs, collectable, damage } = shelf
    const clock = toldClock()
    const rate = { clock, bytesPerSecond: 10_000 }
    const deps = { blobs, index: collectable, damage, verify: verifyHere, ...rate }
    const total = chunks.reduce((sum, { stored }) => sum + stored.length, 0)
    let paused = false
    for await (const _ of scrub('', deps, never)) {
      if (!paused) clock.pass(60_000)
      paused = true
    }
    expect(clock.now()).toBeGreaterThanOrEqual(60_000 + (total / 10_000) * 1000 - 502)
  })
})

describe('a store that is not there', () => {
  test('is no rot: several packs are recorded and none is found', async () => {
    await using shelf = await shelfOf(chunks)
    for (const pack of await shelf.packs()) await rm(shelf.fileOf(pack))
    await expect(passOf(shelf)).rejects.toMatchObject({ reason: 'NOT_READY' })
    expect(await shelf.damage.left()).toEqual([])
  })

  test('is no rot either when it goes in the middle of a pass', async () => {
    await using shelf = await shelfOf(chunks)
    const packs = await shelf.packs()
    const { blobs, collectable: index, damage } = shelf
    const deps = {
      blobs,
      index,
      damage,
      verify: verifyHere,
      clock: toldClock(),
      bytesPerSecond: 1e9,
    }
    const pass = scrub('', deps, never)
    await pass.next()
    for (const pack of packs) await rm(shelf.fileOf(pack))
    await expect(collect(pass)).rejects.toMatchObject({ reason: 'NOT_READY' })
    expect(await damage.left()).toEqual([])
  })

  test('of one or two packs is taken as lost', async () => {
    const few = chunks.slice(0, 12)
    await using shelf = await shelfOf(few)
    const packs = await shelf.packs()
    expect(packs.length).toBeLessThan(3)
    for (const pack of packs) await rm(shelf.fileOf(pack))
    await passOf(shelf)
    expect(await shelf.damage.left()).toHaveLength(few.length)
  })
})

describe('a disk that cannot be read', () => {
  /** A shelf of which reads fail, as told by the number of the read, once it is full. */
  async function failing(fails: (read: number) => boolean) {
    let failing = false
    let reads = 0
    const files = faulty({
      fail: (operation) => (operation === 'read' && failing && fails(reads++) ? 'EIO' : undefined),
    })
    const shelf = await shelfOf(chunks, files)
    failing = true
    return shelf
  }

  test('in one place has damaged what lies there', async () => {
    // Header, footer, index, then the first stretch, then its chunks one by one: the second of them.
    await using shelf = await failing((read) => read === 3 || read === 5)
    await passOf(shelf)
    expect(await shelf.damage.left()).toEqual([chunkAt(1)])
  })

  test('at all is no rot: the pass fails, and nothing is noted', async () => {
    await using shelf = await failing(() => true)
    await expect(passOf(shelf)).rejects.toMatchObject({
      reason: 'UNREADABLE',
      message: expect.stringContaining('look at the disk'),
    })
    expect(await shelf.damage.left()).toEqual([])
  })

  test('for one whole pack has damaged that pack', async () => {
    await using shelf = await shelfOf(chunks)
    const [, second = ''] = await shelf.packs()
    const { blobs } = shelf
    const worn = {
      ...blobs,
      range: (key: string, offset: number, length: number) =>
        key === second ? unreadable(key) : blobs.range(key, offset, length),
    }
    await passOf({ ...shelf, blobs: worn })
    expect(await shelf.damage.packs()).toEqual([second])
    expect(await shelf.damage.left()).toHaveLength(
      (await shelf.collectable.contents(second)).length,
    )
  })
})

async function unreadable(key: string): Promise<never> {
  await Promise.resolve()
  throw precondition('UNREADABLE', `${key} could not be read: EIO`, { path: key })
}
