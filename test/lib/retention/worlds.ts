import fc from 'fast-check'
import { parseImageName, renderLine } from '../../../lib/names/name.ts'
import { compareWithinLine } from '../../../lib/names/order.ts'
import { clash, parsePattern, renderPattern } from '../../../lib/names/pattern.ts'
import type { Policy } from '../../../lib/retention/policy.ts'
import type { Decision } from '../../../lib/retention/plan.ts'
import type { Kept, Need, NeedKind, World } from '../../../lib/retention/world.ts'

const dayMs = 86_400_000
export const now = new Date('2026-06-15T12:00:00Z')

export function daysAgo(days: number): Date {
  return new Date(now.getTime() - days * dayMs)
}

/** An image that is released, there, and was published on the day in its name. */
export function anImage(name: string, more: Partial<Kept> = {}): Kept {
  const parsed = parseImageName(name)
  const { day } = parsed.build
  return {
    ...{ name, parsed, state: 'released', storage: 'present', heldBack: false },
    published: new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}T00:00:00Z`),
    ...{ used: undefined, expires: undefined, storedBytes: 100, parent: undefined },
    ...more,
  }
}

/** A policy that lets nothing go. */
export function aPolicy(pattern: string, more: Partial<Policy> = {}): Policy {
  return {
    ...{ name: 'policy', pattern: parsePattern(pattern), keepNewest: 0, keepMonthly: 0 },
    ...{ keepQuarterly: 0, minimumAgeDays: 0, usedDays: 0, archiveAfterDays: 0 },
    ...{ expireAfterDays: 0, capBytes: 0, archiveHeld: false },
    ...more,
  }
}

export function aNeed(kind: NeedKind, message = `a ${kind} needs it`): Need {
  return { kind, name: kind, message, until: undefined }
}

export function aWorld(
  images: readonly Kept[],
  needs: Readonly<Record<string, readonly Need[]>> = {},
): World {
  return { now, images, needs: new Map(Object.entries(needs)) }
}

/** Lines, those more than once that are drawn more often. */
const lines = [
  ['debian-13', 'std-x86'],
  ['debian-13', 'std-x86'],
  ['debian-13', 'std-x86'],
  ['debian-13', 'vte-x86'],
  ['fedora-43', 'std-aarch64'],
  ['lab1/debian-13', 'mine-x86'],
  ['lab1/debian-13', 'mine-x86'],
  ['lab2/debian-13', 'mine-x86'],
] as const
const patterns = [
  '*-*-*-*',
  'debian-*-*-*',
  'debian-13-std-x86',
  'fedora-43-*-*',
  '*-*-*-x86',
  '*/*-*-*-*',
  'lab1/*-*-*-*',
]
const outside: readonly NeedKind[] = ['hold', 'alias', 'facility', 'transfer', 'build']

/** A value now and then, and undefined so many times as often. */
const rarely = <T>(value: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })

const randomImage = fc.record({
  line: fc.constantFrom(...lines),
  point: fc.nat(1),
  age: fc.nat(900),
  state: fc.constantFrom('released', 'released', 'released', 'candidate', 'deprecated', 'revoked'),
  storage: fc.constantFrom('present', 'present', 'present', 'archived', 'expired'),
  heldBack: fc.constantFrom(false, false, false, true),
  used: rarely(fc.nat(400), 2),
  expires: fc.integer({ min: -200, max: 200 }),
  storedBytes: fc.nat(1000),
  parent: rarely(fc.nat(20), 8),
  needs: rarely(fc.array(fc.constantFrom(...outside), { minLength: 1, maxLength: 2 }), 6),
})

const count = (most: number) => fc.constantFrom(0, 0, 1, 2, most)

const randomPolicy = fc.record({
  pattern: fc.constantFrom(...patterns),
  keepNewest: count(4),
  keepMonthly: count(12),
  keepQuarterly: count(6),
  minimumAgeDays: fc.constantFrom(0, 30, 200),
  usedDays: fc.constantFrom(0, 30, 365),
  archiveAfterDays: fc.constantFrom(0, 10, 90, 400),
  expireAfterDays: fc.constantFrom(0, 30, 90, 400),
  capBytes: fc.constantFrom(0, 0, 500, 1500),
  archiveHeld: fc.boolean(),
})

/** Any world, with policies of which no two clash. */
export const anyWorld: fc.Arbitrary<{
  readonly world: World
  readonly policies: readonly Policy[]
}> = fc
  .tuple(
    fc.array(randomImage, { maxLength: 14 }),
    fc.array(randomPolicy, { minLength: 1, maxLength: 4 }),
  )
  .map(([drawn, policies]) => ({ world: worldOf(drawn), policies: apart(policies) }))

type Drawn = typeof randomImage extends fc.Arbitrary<infer T> ? T : never
type DrawnPolicy = typeof randomPolicy extends fc.Arbitrary<infer T> ? T : never

function worldOf(drawn: readonly Drawn[]): World {
  const images = drawn.map((one, place) => {
    const [release, rest] = one.line
    const published = daysAgo(one.age)
    const day = published.toISOString().slice(0, 10).replaceAll('-', '')
    const serial = place === 0 ? '' : `.${place}`
    const custom = release.includes('/')
    const { state, heldBack, storedBytes } = one
    return anImage(`${release}.${one.point}-${rest}-${day}${serial}`, {
      ...{ state, heldBack, storedBytes, published },
      storage: custom && one.storage === 'archived' ? 'present' : one.storage,
      used: one.used === undefined ? undefined : daysAgo(one.used),
      expires: custom ? daysAgo(one.expires) : undefined,
    })
  })
  const needs = new Map(
    drawn.flatMap(({ needs }, i) => {
      return needs === undefined
        ? []
        : [[images[i]?.name ?? '', needs.map((kind) => aNeed(kind))] as const]
    }),
  )
  const withParents = images.map((image, i) => ({
    ...image,
    parent: images[drawn[i]?.parent ?? -1]?.name,
  }))
  return { now, images: withParents, needs }
}

function apart(drawn: readonly DrawnPolicy[]): readonly Policy[] {
  const kept: Policy[] = []
  drawn.forEach((one, i) => {
    const policy = aPolicy(one.pattern, {
      ...one,
      pattern: parsePattern(one.pattern),
      name: `p${i}`,
    })
    const rival = kept.some(
      (other) =>
        clash(other.pattern, policy.pattern) ||
        renderPattern(other.pattern) === renderPattern(policy.pattern),
    )
    if (!rival) kept.push(policy)
  })
  return kept
}

/** The world once a plan was carried out. */
export function carriedOut(world: World, decisions: readonly Decision[]): World {
  const going = new Map(decisions.map(({ image, action }) => [image.name, action]))
  const images = world.images.map((image): Kept => {
    const action = going.get(image.name)
    if (action === 'archive') return { ...image, storage: 'archived' }
    return action === 'expire' ? { ...image, storage: 'expired' } : image
  })
  return { ...world, images }
}

/** What must never go, found without any of the planner's own means: by asking each image about all others, until nothing changes. */
export function neverGoes({ images, needs }: World): ReadonlySet<string> {
  const there = images.filter(({ storage }) => storage !== 'expired')
  // A facility's own image has its time from who made it, and is the newest of nothing after that.
  const counts = ({ state, heldBack, expires }: Kept): boolean =>
    state === 'released' && !heldBack && (expires === undefined || expires > now)
  const isNewest = (image: Kept): boolean =>
    counts(image) &&
    !there.some(
      (other) =>
        counts(other) &&
        renderLine(other.parsed) === renderLine(image.parsed) &&
        compareWithinLine(other.parsed, image.parsed) > 0,
    )
  const stays = new Set(
    there.filter((image) => needs.has(image.name) || isNewest(image)).map(({ name }) => name),
  )
  for (let before = -1; before !== stays.size;) {
    before = stays.size
    for (const { name, parent } of there) {
      if (stays.has(name) && parent !== undefined) stays.add(parent)
    }
  }
  return stays
}
