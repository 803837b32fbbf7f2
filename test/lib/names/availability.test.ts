import { describe, expect, test } from '@jest/globals'
import { resolveAvailable, type Availability } from '../../../lib/names/availability.ts'
import type { Image } from '../../../lib/names/images.ts'
import { renderImageName } from '../../../lib/names/name.ts'
import { aWorld, failureOf, now } from './world.ts'

const world = aWorld()

/** What a facility that holds these images means by a reference. */
function meant(reference: string, availability: Availability, held: readonly string[]): string {
  const present = ({ name }: Image): boolean => held.includes(renderImageName(name))
  const context = { now, present, place: 'lab1' }
  const { resolution } = resolveAvailable(world, reference, context, availability)
  return renderImageName(resolution.image.name)
}

describe('availability', () => {
  const newest = 'fedora-43.4-std-x86-20260601'
  const older = 'fedora-43.2-std-x86-20260301'

  test.each<[Availability, readonly string[], string]>([
    ['any', [older], newest],
    ['prefer-present', [older], older],
    ['prefer-present', [], newest],
    ['present-only', [older], older],
  ])('%s, where %j is held, means %s', (availability, held, expected) => {
    expect(meant('fedora', availability, held)).toBe(expected)
  })

  test('takes an exact name for what it is, unless only what is present will do', () => {
    expect(meant(newest, 'prefer-present', [])).toBe(newest)
    const failure = failureOf(() => meant(newest, 'present-only', []))
    expect(failure.reason).toBe('NOT_PRESENT')
    expect(failure.message).toBe(`${newest} is not whole at lab1: push it there first`)
  })

  test('leaves nothing where nothing that fits is present', () => {
    const failure = failureOf(() =>
      meant('fedora', 'present-only', ['kali-2026.1-std-x86-20260401']),
    )
    expect(failure.reason).toBe('NO_MATCH')
    expect(failure.message).toContain('is not present')
  })

  test('does not excuse other failures', () => {
    for (const availability of ['any', 'prefer-present', 'present-only'] as const) {
      expect(failureOf(() => meant('fedoro', availability, [])).reason).toBe('UNKNOWN_DISTRO')
      const revoked = failureOf(() => meant('fedora-43.4-std-x86-20260701', availability, []))
      expect(revoked.reason).toBe('REVOKED')
    }
  })
})
