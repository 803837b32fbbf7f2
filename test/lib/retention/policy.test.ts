import { describe, expect, test } from '@jest/globals'
import { demandApart, demandPolicy } from '../../../lib/retention/policy.ts'
import { aPolicy } from './worlds.ts'

describe('a policy', () => {
  test.each([
    ['keeps everything', aPolicy('*-*-*-*')],
    ['expires late', aPolicy('*-*-*-*', { expireAfterDays: 365 })],
    ['expires early and keeps some', aPolicy('*-*-*-*', { expireAfterDays: 1, keepNewest: 1 })],
    ['archives before it expires', aPolicy('*-*-*-*', { archiveAfterDays: 9, expireAfterDays: 9 })],
    ['has a cap for a facility', aPolicy('lab1/*-*-*-*', { capBytes: 1 })],
  ])('is taken that %s', (_what, policy) => {
    expect(() => {
      demandPolicy(policy)
    }).not.toThrow()
  })

  test.each([
    ['POLICY_REMOVES_ALL', 'expire_after_days', { expireAfterDays: 1 }],
    ['POLICY_REMOVES_ALL', 'expire_after_days', { expireAfterDays: 6, archiveAfterDays: 1 }],
    ['INVALID_FIELD', 'archive_after_days', { archiveAfterDays: 10, expireAfterDays: 9 }],
    ['INVALID_FIELD', 'cap_bytes', { capBytes: 1 }],
    ['INVALID_FIELD', 'archive_held', { archiveHeld: true }],
    ['INVALID_FIELD', 'keep_newest', { keepNewest: 1_000_000 }],
  ])('is refused with %s for %s: %j', (reason, field, more) => {
    expect(() => {
      demandPolicy(aPolicy('*-*-*-*', more))
    }).toThrow(expect.objectContaining({ reason, facts: { field } }))
  })

  const others = [
    aPolicy('*-*-*-*', { name: 'all' }),
    aPolicy('debian-*-std-*', { name: 'debian' }),
  ]

  test('may be more specific than another, or less', () => {
    for (const pattern of ['debian-13-std-*', 'fedora-*-*-*', '*/*-*-*-*', 'debian-*-*-*']) {
      expect(() => {
        demandApart(aPolicy(pattern), others)
      }).not.toThrow()
    }
  })

  test('is not taken beside one that fits lines in common, neither being the more specific', () => {
    expect(() => {
      demandApart(aPolicy('*-13-std-*'), others)
    }).toThrow(
      expect.objectContaining({
        reason: 'POLICY_OVERLAPS',
        facts: { policy: 'debian', line: 'debian-13-std-*' },
      }),
    )
  })

  test('replaces the one of its own name, and none of another', () => {
    expect(() => {
      demandApart(aPolicy('debian-*-std-*', { name: 'debian' }), others)
    }).not.toThrow()
    expect(() => {
      demandApart(aPolicy('debian-*-std-*', { name: 'other' }), others)
    }).toThrow(expect.objectContaining({ reason: 'POLICY_OVERLAPS' }))
  })
})
