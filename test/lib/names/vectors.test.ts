import { describe, expect, test } from '@jest/globals'
import { archOf } from '../../../lib/names/catalogue.ts'
import { renderImageName } from '../../../lib/names/name.ts'
import { resolve, type Context } from '../../../lib/names/resolve.ts'
import { aWorld, cases, failureOf, now, type Case } from './world.ts'

const world = aWorld()

describe('the vectors', () => {
  test.each(cases.filter(({ image }) => image !== undefined))('$reference is $image', (one) => {
    const { image, rule, warnings } = resolve(world, one.reference, contextOf(one))
    expect(renderImageName(image.name)).toBe(one.image)
    expect(warnings.map(({ code }) => code)).toEqual(one.warnings ?? [])
    if (one.rule !== undefined) expect(rule).toBe(one.rule)
  })

  test.each(cases.filter(({ error }) => error !== undefined))('$reference is $error', (one) => {
    const failure = failureOf(() => resolve(world, one.reference, contextOf(one)))
    expect(failure.reason).toBe(one.error)
    if (one.suggests !== undefined) {
      expect(failure.facts['nearest']).toContain(one.suggests)
      expect(failure.message).toContain(`did you mean \`${one.suggests}\`?`)
    }
  })
})

function contextOf({ context }: Case): Context {
  const arch = archOf(context?.arch ?? '')
  return arch === undefined ? { now } : { now, arch }
}
