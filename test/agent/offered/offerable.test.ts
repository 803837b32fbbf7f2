import { expect, test } from '@jest/globals'
import { mayOffer } from '../../../agent/offered/offerable.ts'
import { CustomImage, ImageState } from '../../../proto/gen/merge/image/v1/image.ts'

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
