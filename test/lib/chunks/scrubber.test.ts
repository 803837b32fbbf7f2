import { describe, expect, test } from '@jest/globals'
import type { Clock } from '../../../lib/chunks/clock.ts'
import type { RankedSource } from '../../../lib/chunks/ranking.ts'
import { type ScrubProgress, scrubber } from '../../../lib/chunks/scrubber.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { stopped } from '../../../lib/failure.ts'
import { chunksOf, collect, contentOf, digestsOf, holding, storedOf } from '../../support/chunks.ts'
import { recorder } from '../../support/log.ts'
import { streamOf } from '../../support/rpc.ts'
import { flip, type Shelf, shelfOf, toldClock, verifyHere } from '../../support/shelf.ts'

const chunks = chunksOf('chunks', 60)
const digests = digestsOf(chunks)
const never = new AbortController().signal
const day = 86_400_000

const whole: RankedSource = { name: 'a peer', origin: 'peer', source: holding(chunks) }

/** A scrubber over the shelf, on a clock that is told. */
function over(shelf: Shelf, { sources = [whole], rate = 1e9, clock = toldClock() }: Options = {}) {
  const recorded = recorder()
  const made = scrubber({
    blobs: shelf.blobs,
    index: shelf.collectable,
    damage: shelf.damage,
    store: shelf.store,
    newId: shelf.newId,
    verify: verifyHere,
    sources: () => Promise.resolve(sources),
    clock,
    now: () => new Date(1_764_000_000_000 + clock.now()),
    bytesPerSecond: rate,
    log: recorded.log,
  })
  return { ...made, clock, ...recorded }
}

interface Options {
  readonly sources?: readonly RankedSource[]
  readonly rate?: number
  readonly clock?: Clock
}

async function isWhole({ store }: Shelf): Promise<boolean> {
  const content = contentOf(await collect(store.fetch(digests)))
  return [...storedOf(chunks)].every(([digest, stored]) => content.get(digest) === stored)
}

function chunkAt(i: number): Digest {
  const digest = digests[i]
  if (digest === undefined) throw new Error(`there is no chunk ${i}`)
  return digest
}

/** Aborts once so many packs were told of. */
function stopAfter(packs: number) {
  const giveUp = new AbortController()
  let told = 0
  const tell = (): void => {
    if (++told === packs) giveUp.abort(stopped('STOPPED', 'the test has seen enough'))
  }
  return { signal: giveUp.signal, tell }
}

describe('a pass', () => {
  test('finds, repairs and reports, and the packs with a flaw go', async () => {
    await using shelf = await shelfOf(chunks)
    const bad = new Set([await shelf.rot(chunkAt(3)), await shelf.rot(chunkAt(40))])
    const [torn = ''] = (await shelf.packs()).filter((pack) => !bad.has(pack))
    await flip(shelf.fileOf(torn), -3)
    const packs = (await shelf.packs()).length
    const scrubbing = over(shelf)
    const bytes = chunks.reduce((sum, { stored }) => sum + stored.length, 0)
    const came = { packs, bytes, damaged: 2, repaired: 2, left: 0 }
    expect(await scrubbing.run(never)).toMatchObject(came)
    expect(await isWhole(shelf)).toBe(true)
    const recorded = new Set((await shelf.collectable.packUse(0)).map(({ key }) => key))
    for (const pack of [...bad, torn]) expect(recorded.has(pack)).toBe(false)
    expect(await shelf.damage.place()).toMatchObject({ after: '', last: came })
    expect(scrubbing.lines).toMatchObject([{ msg: 'scrubbed', level: 30, ...came }])
  })

  test('warns of what nobody has, and the next one gets it from whoever is there then', async () => {
    await using shelf = await shelfOf(chunks)
    await shelf.rot(chunkAt(3))
    const alone = over(shelf, { sources: [] })
    expect(await alone.run(never)).toMatchObject({ damaged: 1, repaired: 0, left: 1 })
    expect(alone.lines).toMatchObject([{ msg: 'scrubbed', level: 40, left: 1 }])
    expect(await over(shelf).run(never)).toMatchObject({ damaged: 0, repaired: 1, left: 0 })
    expect(await isWhole(shelf)).toBe(true)
  })

  test('that is stopped goes on where it was, after a restart too, and reports the whole of it', async () => {
    await using shelf = await shelfOf(chunks)
    const packs = await shelf.packs()
    const { signal, tell } = stopAfter(3)
    await expect(over(shelf).run(signal, tell)).rejects.toMatchObject({ reason: 'STOPPED' })
    expect((await shelf.damage.place()).after).toBe(packs[2])
    const told: ScrubProgress[] = []
    const report = await over(shelf).run(never, (progress) => void told.push(progress))
    expect(told[0]).toMatchObject({ donePacks: 4, totalPacks: packs.length })
    expect(report.packs).toBe(packs.length)
  })

  test('that is stopped before a flaw was mended looks at that pack again', async () => {
    await using shelf = await shelfOf(chunks)
    const packs = await shelf.packs()
    await flip(shelf.fileOf(packs[1] ?? ''), -3)
    const { signal, tell } = stopAfter(3)
    await expect(over(shelf).run(signal, tell)).rejects.toMatchObject({ reason: 'STOPPED' })
    expect((await shelf.damage.place()).after).toBe(packs[0])
    await over(shelf).run(never)
    const recorded = (await shelf.collectable.packUse(0)).map(({ key }) => key)
    expect(recorded).not.toContain(packs[1])
  })

  test('mends what it has found once a minute, long before its end', async () => {
    await using shelf = await shelfOf(chunks)
    await shelf.rot(chunkAt(0))
    const progress: ScrubProgress[] = []
    // Some 200 seconds a pack.
    await over(shelf, { rate: 50 }).run(never, (at) => void progress.push(at))
    expect(progress.slice(0, 3).map(({ counts }) => counts)).toMatchObject([
      { damaged: 1, repaired: 0, left: 1 },
      { damaged: 1, repaired: 1, left: 0 },
      { damaged: 1, repaired: 1, left: 0 },
    ])
  })
})

describe('whoever asks while a pass is under way', () => {
  test('follows it, and gets the same report', async () => {
    await using shelf = await shelfOf(chunks)
    const scrubbing = over(shelf)
    const heard: ScrubProgress[] = []
    const [one, other] = await Promise.all([
      scrubbing.run(never),
      scrubbing.run(new AbortController().signal, (at) => void heard.push(at)),
    ])
    expect(other).toEqual(one)
    expect(heard).toHaveLength((await shelf.packs()).length)
    expect(scrubbing.lines).toHaveLength(1)
  })

  test('ends it when the one who began it gives up', async () => {
    await using shelf = await shelfOf(chunks)
    const scrubbing = over(shelf)
    const { signal, tell } = stopAfter(2)
    const first = scrubbing.run(signal, tell)
    const second = scrubbing.run(never)
    await expect(first).rejects.toMatchObject({ reason: 'STOPPED' })
    expect((await second).packs).toBe((await shelf.packs()).length)
  })

  test('can leave, and the pass goes on', async () => {
    await using shelf = await shelfOf(chunks)
    const scrubbing = over(shelf)
    const first = scrubbing.run(never)
    const { signal, tell } = stopAfter(2)
    await expect(scrubbing.run(signal, tell)).rejects.toMatchObject({ reason: 'STOPPED' })
    expect((await first).left).toBe(0)
  })
})

describe('over the days, a scrubber', () => {
  /** Lets it go on until so much time has passed. */
  async function goesOn(shelf: Shelf, everyMs: number, ms: number) {
    const stop = new AbortController()
    const told = toldClock()
    const clock: Clock = {
      now: () => told.now(),
      sleep: async (each, signal) => {
        if (told.now() >= ms) stop.abort(stopped('STOPPED', 'the days are over'))
        await told.sleep(each, signal)
      },
    }
    const scrubbing = over(shelf, { clock })
    await scrubbing.keepOn(everyMs, stop.signal)
    return scrubbing.lines.map(({ msg }) => msg)
  }

  test('makes the first pass as long after the first start as any other, and then one each time', async () => {
    await using shelf = await shelfOf(chunks.slice(0, 10))
    expect(await goesOn(shelf, day, 0.9 * day)).toEqual([])
    expect(await goesOn(shelf, day, 3.5 * day)).toEqual(['scrubbed', 'scrubbed', 'scrubbed'])
  }, 20_000)

  test('asks between two passes for what nobody had', async () => {
    await using shelf = await shelfOf(chunks)
    await shelf.rot(chunkAt(3))
    await over(shelf, { sources: [] }).run(never)
    expect(await goesOn(shelf, 7 * day, 300_000)).toEqual([])
    expect(await isWhole(shelf)).toBe(true)
  })

  test('goes on with a pass that a restart cut off, without waiting for the next', async () => {
    await using shelf = await shelfOf(chunks)
    const { signal, tell } = stopAfter(2)
    await over(shelf)
      .run(signal, tell)
      .catch(() => undefined)
    expect(await goesOn(shelf, 7 * day, 300_000)).toEqual(['scrubbed'])
  })

  test('says why a pass failed, and tries again', async () => {
    await using shelf = await shelfOf(chunks)
    await shelf.damage.keepPlace({ ...(await shelf.damage.place()), endedAt: 1 })
    const blobs = {
      ...shelf.blobs,
      list: () => streamOf<never>(),
      stat: () => Promise.resolve(undefined),
    }
    const lines = await goesOn({ ...shelf, blobs }, day, 150_000)
    expect(new Set(lines)).toEqual(new Set(['scrub failed, and will go on from there']))
    expect(lines.length).toBeGreaterThan(1)
    expect(await shelf.damage.left()).toEqual([])
  })
})
