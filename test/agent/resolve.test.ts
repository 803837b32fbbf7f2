import { describe, expect, test } from '@jest/globals'
import { resolveHere } from '../../agent/resolve.ts'
import { WatchDesiredStateResponse } from '../../proto/gen/merge/image/v1/agent.ts'
import { Alias } from '../../proto/gen/merge/image/v1/alias.ts'
import { Distro, ListDistrosResponse, Release } from '../../proto/gen/merge/image/v1/catalog.ts'
import { Image, ImageState } from '../../proto/gen/merge/image/v1/image.ts'

const now = new Date('2026-06-15T12:00:00Z')
const digest = `sha256:${'a'.repeat(64)}`
const released = ImageState.IMAGE_STATE_RELEASED

const image = (day: string, state: ImageState = released) =>
  Image.create({ name: `debian-13.0-std-x86-${day}`, digest, state })

const [old, recent, wanted] = [image('20260101'), image('20260201'), image('20260301')]

const desired = WatchDesiredStateResponse.create({
  images: [recent, wanted].map((each) => ({
    image: each,
    holders: [],
    fetchers: [],
    priority: 0,
    terms: [],
  })),
  catalogue: ListDistrosResponse.create({
    distros: [
      Distro.create({
        id: 'debian',
        shortNames: ['debn'],
        displayName: 'Debian',
        releases: [Release.create({ release: '13', officialName: '13', codename: 'trixie' })],
      }),
    ],
    roles: ['std'],
    defaultArch: 'x86',
  }),
  aliases: [
    Alias.create({ name: 'stable', image: recent.name }),
    Alias.create({ name: 'next', image: wanted.name }),
  ],
})

const here = (reference: string, present = [old, recent], state = desired) =>
  resolveHere(reference, present, state, now).image

describe('a reference, while the portal is away,', () => {
  test.each(['debian', 'debn-13', 'trixie', 'debian-13-std', 'distro=debian'])(
    '"%s" means the newest that is here, not a newer one that is only wanted',
    (reference) => {
      expect(here(reference)).toBe(recent.name)
    },
  )

  test('means an image by its exact name, with its digest too', () => {
    expect(here(old.name)).toBe(old.name)
    expect(here(`${old.name}@${digest}`)).toBe(old.name)
    expect(() => here(`${old.name}@sha256:${'b'.repeat(64)}`)).toThrow(
      expect.objectContaining({ reason: 'DIGEST_MISMATCH' }),
    )
  })

  test('means what an alias pointed at when the portal last spoke', () => {
    expect(here('stable')).toBe(recent.name)
  })

  test.each(['next', wanted.name])(
    '"%s" that is wanted and not here is NOT_PRESENT',
    (reference) => {
      expect(() => here(reference)).toThrow(
        expect.objectContaining({ kind: 'missing', reason: 'NOT_PRESENT' }),
      )
    },
  )

  test('to an image that nobody knows is NOT_FOUND, and one that nothing fits is NO_MATCH', () => {
    expect(() => here('debian-13.0-std-x86-20250101')).toThrow(
      expect.objectContaining({ reason: 'NOT_FOUND' }),
    )
    expect(() => here('debian', [])).toThrow(expect.objectContaining({ reason: 'NO_MATCH' }))
  })

  test('takes no candidate unless it is named', () => {
    const candidate = image('20260401', ImageState.IMAGE_STATE_CANDIDATE)
    expect(here('debian', [recent, candidate])).toBe(recent.name)
    expect(here(candidate.name, [recent, candidate])).toBe(candidate.name)
  })

  test('to what the portal has revoked since it came here is REVOKED', () => {
    const revoked = { ...recent, state: ImageState.IMAGE_STATE_REVOKED }
    const told = {
      ...desired,
      images: [{ image: revoked, holders: [], fetchers: [], priority: 0, terms: [] }],
    }
    expect(() => here(recent.name, [old, recent], told)).toThrow(
      expect.objectContaining({ reason: 'REVOKED' }),
    )
    expect(here('debian', [old, recent], told)).toBe(old.name)
  })

  test('before the portal has ever spoken knows no distro, and says so', () => {
    expect(() => here('debian', [], WatchDesiredStateResponse.create())).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    )
  })
})
