import { describe, expect, test } from '@jest/globals'
import { explain } from '../../../lib/names/explain.ts'
import { renderImageName } from '../../../lib/names/name.ts'
import { aWorld, anImage, now } from './world.ts'

function rulesOf(reference: string, world = aWorld()): Record<string, string> {
  const rejected = explain(world, reference, { now })
  return Object.fromEntries(rejected.map(({ image, rule }) => [renderImageName(image.name), rule]))
}

describe('an explanation', () => {
  test('gives each candidate that was not it, newest first, with the rule', () => {
    expect(Object.entries(rulesOf('fedora'))).toEqual([
      ['fedora-44.0-std-x86-20260801', 'PRERELEASE'],
      ['fedora-43.4-std-x86-20260701', 'REVOKED'],
      ['fedora-43.2-std-x86-20260301', 'OLDER'],
      ['fedora-43.0-hypervisor-aarch64-20260601', 'DEFAULT'],
      ['fedora-43.0-hypervisor-x86-20260601', 'DEFAULT'],
      ['fedora-43.0-vte-x86-20260601', 'DEFAULT'],
      ['fedora-43.0-std-x86-20251201', 'OLDER'],
      ['fedora-42.0-std-x86-20260101', 'OLDER'],
    ])
  })

  test('names every rule of eligibility', () => {
    const rows = [
      anImage('debian-13.1-std-x86-20260107', { state: 'candidate' }),
      anImage('debian-13.1-std-x86-20260106', { state: 'deprecated' }),
      anImage('debian-13.1-std-x86-20260105', { heldBack: true }),
      anImage('debian-13.1-std-x86-20260104', { storage: 'archived' }),
      anImage('debian-13.1-std-x86-20260103', { storage: 'expired' }),
      anImage('debian-11.1-std-x86-20260102'),
      anImage('debian-13.1-vte-x86-20260101'),
    ]
    expect(Object.values(rulesOf('debian-std', aWorld(rows)))).toEqual([
      'CANDIDATE',
      'DEPRECATED',
      'HELD_BACK',
      'ARCHIVED',
      'EXPIRED',
      'CLAUSE',
      'END_OF_LIFE',
    ])
  })

  test('says why in words', () => {
    const [first] = explain(aWorld(), 'kali-2025', { now })
    expect(first?.why).toBe('does not fit release = 2025')
  })

  test('is there when nothing fits', () => {
    expect(rulesOf('kali-2026.2')).toMatchObject({ 'kali-2026.2-std-x86-20260801': 'CANDIDATE' })
  })

  test('of an exact name or an alias is empty', () => {
    expect(rulesOf('course-cs101')).toEqual({})
    expect(rulesOf('debian-13.0-std-x86-20250910')).toEqual({})
  })
})
