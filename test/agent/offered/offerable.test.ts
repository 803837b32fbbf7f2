import { describe, expect, test } from '@jest/globals'
import { mayOffer, offerableOf } from '../../../agent/offered/offerable.ts'
import { CustomImage, Image, ImageState } from '../../../proto/gen/merge/image/v1/image.ts'

const { IMAGE_STATE_RELEASED: released, ...others } = ImageState
const portals = 'debian-13.0-std-x86-20260615'
const own = `lab1/${portals}`
const custom = (facility: string, shared: boolean) => CustomImage.create({ facility, shared })

test.each([
  ['the portal’s', portals, undefined, true],
  ['its own that is shared', own, custom('lab1', true), true],
  ['its own that is not shared', own, custom('lab1', false), false],
  ['another’s that is shared', `lab2/${portals}`, custom('lab2', true), false],
  ['another’s that the portal keeps', `lab2/${portals}`, undefined, false],
  ['one of a facility whose name begins alike', `lab12/${portals}`, undefined, false],
])('of images that are released, a facility offers %s: %s', (_, name, kept, may) => {
  expect(mayOffer({ name, state: released, custom: kept }, 'lab1')).toBe(may)
})

test('what is not released is not offered', () => {
  const states = Object.values(others).filter((state) => typeof state === 'number')
  expect(states.length).toBeGreaterThan(3)
  for (const state of states) {
    expect(mayOffer({ name: portals, state, custom: undefined }, 'lab1')).toBe(false)
  }
})

describe('what a facility offers', () => {
  const [one, two] = ['debian-12.0-std-x86-20260101', 'debian-13.0-std-x86-20260101'].map((name) =>
    Image.create({ name, state: ImageState.IMAGE_STATE_RELEASED }),
  ) as [Image, Image]
  const known = { present: [one, two], uncompressed: [], told: [one, two] }

  test('is what is here and the portal speaks of', () => {
    expect(offerableOf(known, 'lab1')).toEqual([one, two])
    expect(offerableOf({ ...known, present: [one] }, 'lab1')).toEqual([one])
    expect(offerableOf({ ...known, told: [two] }, 'lab1')).toEqual([two])
  })

  test('leaves out what is to be compressed, whose digests will be others', () => {
    expect(offerableOf({ ...known, uncompressed: [one.name] }, 'lab1')).toEqual([two])
  })

  test('is as the portal speaks of it, and not as it came', () => {
    const revoked = { ...one, state: ImageState.IMAGE_STATE_REVOKED }
    expect(offerableOf({ ...known, told: [revoked, two] }, 'lab1')).toEqual([two])
  })
})
