import { describe, expect, test } from '@jest/globals'
import { archOf } from '../../../lib/names/catalogue.ts'
import { renderImageName } from '../../../lib/names/name.ts'
import { resolve, type Resolution } from '../../../lib/names/resolve.ts'
import { aWorld, failureOf, vectorSets, type Case } from './world.ts'

describe.each(Object.entries(vectorSets))('the %s vectors', (_, set) => {
  const { now, catalogue, images, aliases, cases } = set
  const world = aWorld(images, aliases, catalogue)

  function meant({ reference, context }: Case): Resolution {
    const arch = archOf(context?.arch ?? '')
    return resolve(world, reference, arch === undefined ? { now } : { now, arch })
  }

  test.each(cases.filter(({ image }) => image !== undefined))('$reference is $image', (one) => {
    const { image, rule, warnings } = meant(one)
    expect(renderImageName(image.name)).toBe(one.image)
    expect(warnings.map(({ code }) => code)).toEqual(one.warnings ?? [])
    if (one.rule !== undefined) expect(rule).toBe(one.rule)
  })

  test.each(cases.filter(({ error }) => error !== undefined))('$reference is $error', (one) => {
    const failure = failureOf(() => meant(one))
    expect(failure.reason).toBe(one.error)
    if (one.suggests !== undefined) {
      expect(failure.facts['nearest']).toContain(one.suggests)
      expect(failure.message).toContain(`did you mean \`${one.suggests}\`?`)
    }
  })

  test('say one thing or the other of each reference', () => {
    for (const one of cases)
      expect([one.reference, 'image' in one]).toEqual([one.reference, !('error' in one)])
  })
})
