import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  candidatesOf,
  planEviction,
  ranksOf,
  whyItStays,
  type Goer,
  type Rules,
  type Stored,
  type Weights,
} from '../../agent/evict.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { excessBytes, lackingBytes, without } from '../../agent/marks.ts'

const now = new Date('2026-06-15T12:00:00Z')
const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const hours = (count: number) => count * 3_600_000

const rules = (more: Partial<Rules> = {}): Rules => ({
  ...{ now, wanted: new Set(), pinned: new Set(), refused: new Map() },
  ...{ keepUsedMs: hours(24), keepUnwantedMs: hours(12) },
  ...more,
})

const stored = (name: string, more: Partial<Stored> = {}): Stored => ({
  ...{ name, digest: `digest of ${name}` as Digest, bytes: 100 },
  ...{ arrived: ago(1000), used: undefined, unwanted: ago(500) },
  ...more,
})

describe('an image stays', () => {
  test.each([
    ['while it is wanted', {}, { wanted: new Set(['a']) }, 'it is wanted here'],
    ['while it is read', {}, { pinned: new Set(['a']) }, 'it is being read now'],
    ['until the portal has said', { unwanted: undefined }, {}, 'the portal has not said yet'],
    ['for a time after its use', { used: ago(23) }, {}, 'stays until 2026-06-15 13:00 UTC'],
    ['for a time after it was wanted', { unwanted: ago(11) }, {}, 'stays until 2026-06-15 13:00'],
    ['if the portal says so', {}, { refused: new Map([['a', 'last copy']]) }, 'last copy'],
  ])('%s', (_, image, more, why) => {
    expect(whyItStays(stored('a', image), rules(more))).toContain(why)
  })

  test('no longer than that', () => {
    const old = stored('a', { used: ago(24), unwanted: ago(12) })
    expect(whyItStays(old, rules())).toBeUndefined()
  })
})

test('what was used longest ago goes first, or came longest ago, whichever was later', () => {
  const images = [
    stored('used lately', { used: ago(30) }),
    stored('never used, came early', { arrived: ago(900) }),
    stored('used early, came again', { used: ago(950), arrived: ago(100) }),
    stored('used early', { used: ago(800), arrived: ago(990) }),
  ]
  expect(candidatesOf(images, rules()).map(({ name }) => name)).toEqual([
    'never used, came early',
    'used early',
    'used early, came again',
    'used lately',
  ])
})

describe('marks', () => {
  const marks = { above: 0.9, below: 0.8 }
  const bound = (usedBytes: number) => ({ what: 'disk', usedBytes, totalBytes: 1000 }) as const

  test('nothing has to go up to the high one, and above it all down to the low one', () => {
    expect(excessBytes([bound(900)], marks, 0)).toBe(0)
    expect(excessBytes([bound(901)], marks, 0)).toBe(101)
    expect(excessBytes([bound(800)], marks, 101)).toBe(101)
    expect(excessBytes([bound(10), bound(950)], marks, 0)).toBe(150)
    expect(excessBytes(without([bound(950)], 100), marks, 0)).toBe(0)
  })

  test('what does not fit at all is what is over the whole', () => {
    expect(lackingBytes([bound(950)], 50)).toBe(0)
    expect(lackingBytes([bound(950), bound(990)], 50)).toBe(40)
  })
})

/** A world in which images share chunks, and some manifests are needed by nobody who is seen. */
const world = fc.record({
  images: fc
    .uniqueArray(
      fc.record({
        id: fc.nat(40),
        manifest: fc.nat(9),
        arrived: fc.nat(900),
        used: fc.option(fc.nat(900), { nil: undefined }),
        unwanted: fc.option(fc.nat(100), { nil: undefined, freq: 8 }),
      }),
      { selector: ({ id }) => id, maxLength: 14 },
    )
    .map((all) =>
      all.map(({ id, manifest, arrived, used, unwanted }) => ({
        ...stored(`image ${id}`),
        ...{ digest: `${manifest}` as Digest, arrived: ago(arrived) },
        used: used === undefined ? undefined : ago(used),
        unwanted: unwanted === undefined ? undefined : ago(unwanted),
      })),
    ),
  chunks: fc.array(
    fc.record({ bytes: fc.nat(100), holders: fc.uniqueArray(fc.nat(12), { maxLength: 5 }) }),
    { maxLength: 40 },
  ),
  wanted: fc.uniqueArray(fc.nat(40), { maxLength: 8 }),
  pinned: fc.uniqueArray(fc.nat(40), { maxLength: 3 }),
  refused: fc.uniqueArray(fc.nat(40), { maxLength: 8 }),
  needed: fc.uniqueArray(fc.nat(12), { maxLength: 3 }),
  bytes: fc.nat(1500),
})

type World = typeof world extends fc.Arbitrary<infer T> ? T : never

const named = (ids: readonly number[]) => new Set(ids.map((id) => `image ${id}`))

function rulesOf({ wanted, pinned, refused }: World): Rules {
  return rules({
    ...{ wanted: named(wanted), pinned: named(pinned) },
    refused: new Map([...named(refused)].map((name) => [name, 'the last copy'])),
  })
}

/** The bytes of chunks that somebody needs while these images are here. */
function neededBytes({ chunks, needed }: World, images: readonly Stored[]): number {
  const holders = new Set([...images.map(({ digest }) => digest), ...needed.map(String)])
  return chunks
    .filter((chunk) => chunk.holders.some((holder) => holders.has(String(holder))))
    .reduce((sum, { bytes }) => sum + bytes, 0)
}

/** As `weights.ts` does it, one chunk after another. */
function weightsOf({ chunks, needed, images }: World, ranks: ReadonlyMap<Digest, number>): Weights {
  const kept = new Set([...images.map(({ digest }) => String(digest)), ...needed.map(String)])
  const weights = new Map<number, { stepBytes: number; helpsFrom: number }>()
  for (const { bytes, holders } of chunks) {
    const real = holders.map(String).filter((holder) => kept.has(holder))
    const places = real.map((holder) => ranks.get(holder as Digest))
    if (real.length === 0 || places.includes(undefined)) continue
    const last = Math.max(...places.map(Number))
    for (const place of places.map(Number)) {
      const before = weights.get(place) ?? { stepBytes: 0, helpsFrom: Infinity }
      weights.set(place, {
        stepBytes: before.stepBytes + (place === last ? bytes : 0),
        helpsFrom: Math.min(before.helpsFrom, last),
      })
    }
  }
  return { goingBytes: 0, weights }
}

function planOf(at: World, bytes: number | 'all'): readonly Goer[] {
  const candidates = candidatesOf(at.images, rulesOf(at))
  const isNeeded = (digest: Digest) => at.needed.map(String).includes(digest)
  const ranks = ranksOf(candidates, at.images, isNeeded)
  return planEviction(candidates, ranks, weightsOf(at, ranks), bytes)
}

const freedBy = (goers: readonly Goer[]) => goers.reduce((sum, goer) => sum + goer.freedBytes, 0)
const runs = { numRuns: 10_000 }

describe('in any world', () => {
  const leave = (at: World, goers: readonly Goer[]): readonly Stored[] => {
    const gone = new Set(goers.map(({ image }) => image))
    return at.images.filter((image) => !gone.has(image))
  }

  test('nothing goes that is wanted, in use or the last copy', () => {
    const check = (at: World): void => {
      const now = rulesOf(at)
      for (const { image } of planOf(at, at.bytes)) {
        expect(now.wanted.has(image.name) || now.pinned.has(image.name)).toBe(false)
        expect(now.refused.has(image.name) || image.unwanted === undefined).toBe(false)
        expect(image.used === undefined || image.used <= ago(24)).toBe(true)
      }
    }
    fc.assert(fc.property(world, check), runs)
  })

  test('the bytes foretold are those that nothing needs any more', () => {
    const check = (at: World): void => {
      for (const bytes of [at.bytes, 'all'] as const) {
        const goers = planOf(at, bytes)
        const before = neededBytes(at, at.images)
        expect(freedBy(goers)).toBe(before - neededBytes(at, leave(at, goers)))
      }
    }
    fc.assert(fc.property(world, check), runs)
  })

  test('it ends where enough is free and not later, and all goes if it is not enough', () => {
    const check = (at: World): void => {
      const goers = planOf(at, at.bytes)
      const most = freedBy(planOf(at, 'all'))
      expect(freedBy(goers)).toBeGreaterThanOrEqual(Math.min(at.bytes, most))
      const last = goers.at(-1)
      if (last === undefined) return
      expect(freedBy(goers.slice(0, -1))).toBeLessThan(at.bytes)
    }
    fc.assert(fc.property(world, check), runs)
  })

  test('a second time changes nothing more', () => {
    const check = (at: World): void => {
      const goers = planOf(at, at.bytes)
      const after = { ...at, images: [...leave(at, goers)] }
      const rest = at.bytes - freedBy(goers)
      expect(planOf(after, Math.max(0, rest))).toEqual([])
    }
    fc.assert(fc.property(world, check), runs)
  })
})
