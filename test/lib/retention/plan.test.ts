import { describe, expect, test } from '@jest/globals'
import { explain } from '../../../lib/retention/explain.ts'
import { planRetention } from '../../../lib/retention/plan.ts'
import type { Policy } from '../../../lib/retention/policy.ts'
import { aNeed, anImage, aPolicy, aWorld, daysAgo } from './worlds.ts'

// Today is 2026-06-15.
const line = 'debian-13.0-std-x86'
const on = (...days: readonly string[]) => days.map((day) => anImage(`${line}-${day}`))
const quarterly = on('20250115', '20250415', '20250715', '20251015', '20260115', '20260415')

function said(images: Parameters<typeof aWorld>[0], policy: Partial<Policy>, pattern = '*-*-*-*') {
  return planRetention(aWorld(images), [aPolicy(pattern, policy)]).map(
    ({ image, action, rule }) => `${image.name.replace(`${line}-`, '')} ${action} ${rule}`,
  )
}

describe('retention', () => {
  test('keeps what no policy is about', () => {
    expect(said(quarterly, { expireAfterDays: 30 }, 'fedora-*-*-*')).toContain(
      '20250115 keep no-policy',
    )
  })

  test('keeps the newest of a line, whatever its age', () => {
    expect(said(on('20200101', '20200102'), { expireAfterDays: 30 })).toEqual([
      '20200101 expire expire-after',
      '20200102 keep needed',
    ])
  })

  test('keeps the newest n, and lets the others go by age', () => {
    expect(said(quarterly, { keepNewest: 3, expireAfterDays: 365 })).toEqual([
      '20250115 expire expire-after',
      '20250415 expire expire-after',
      '20250715 keep not-yet',
      '20251015 keep newest',
      '20260115 keep newest',
      '20260415 keep needed',
    ])
  })

  test('keeps the newest of each month and quarter for a while', () => {
    const images = on('20260301', '20260330', '20260401', '20260420', '20260501', '20260601')
    expect(said(images, { keepMonthly: 2, keepQuarterly: 2, archiveAfterDays: 10 })).toEqual([
      '20260301 archive archive-after',
      '20260330 keep quarterly',
      '20260401 archive archive-after',
      '20260420 archive archive-after',
      '20260501 keep monthly',
      '20260601 keep needed',
    ])
  })

  test('counts only what is released and not held back among the newest', () => {
    const [old, candidate, back, newest] = on('20240101', '20240102', '20240103', '20240104')
    if (old === undefined || candidate === undefined) throw new Error('unreachable')
    if (back === undefined || newest === undefined) throw new Error('unreachable')
    const images = [
      old,
      { ...candidate, state: 'candidate' as const },
      { ...back, heldBack: true },
      newest,
    ]
    expect(said(images, { keepNewest: 2, expireAfterDays: 30 })).toEqual([
      '20240101 keep newest',
      '20240102 expire expire-after',
      '20240103 expire expire-after',
      '20240104 keep needed',
    ])
  })

  test('keeps what is young, and what a facility used lately', () => {
    const [first, second, third] = on('20260101', '20260102', '20260601')
    if (first === undefined || second === undefined || third === undefined) throw new Error('')
    const images = [{ ...first, used: daysAgo(10) }, second, third, ...on('20260602')]
    expect(said(images, { minimumAgeDays: 30, usedDays: 30, expireAfterDays: 7 })).toEqual([
      '20260101 keep used',
      '20260102 expire expire-after',
      '20260601 keep minimum-age',
      '20260602 keep needed',
    ])
  })

  test('archives first and expires later, from the archive too', () => {
    const [oldest, old, recent] = on('20240101', '20250501', '20260501')
    if (oldest === undefined || old === undefined || recent === undefined) throw new Error('')
    const archived = { ...oldest, storage: 'archived' as const }
    const images = [archived, old, recent, ...on('20260601')]
    expect(said(images, { archiveAfterDays: 90, expireAfterDays: 730 })).toEqual([
      '20240101 expire expire-after',
      '20250501 archive archive-after',
      '20260501 keep not-yet',
      '20260601 keep needed',
    ])
  })

  test.each(['hold', 'alias', 'facility', 'transfer', 'build'] as const)(
    'keeps what a %s needs, and what that was made of',
    (kind) => {
      const [root, child, ...others] = on('20240101', '20240102', '20240103', '20240104')
      if (root === undefined || child === undefined) throw new Error('')
      const images = [root, { ...child, parent: root.name }, ...others]
      const world = aWorld(images, { [child.name]: [aNeed(kind)] })
      const plan = planRetention(world, [aPolicy('*-*-*-*', { expireAfterDays: 30 })])
      expect(plan.map(({ action }) => action)).toEqual(['keep', 'keep', 'expire', 'keep'])
      expect(plan[0]?.needs).toMatchObject([{ kind: 'descendant', name: child.name }])
    },
  )

  test('archives what is only held where the policy says so, and never expires it', () => {
    const images = on('20240101', '20260601')
    const held = { [images[0]?.name ?? '']: [aNeed('hold')] }
    const policy = { archiveAfterDays: 30, expireAfterDays: 60 }
    const action = (more: Partial<Policy>) =>
      planRetention(aWorld(images, held), [aPolicy('*-*-*-*', { ...policy, ...more })])[0]?.action
    expect(action({})).toBe('keep')
    expect(action({ archiveHeld: true })).toBe('archive')
  })

  const own = (day: string, bytes: number, usedDaysAgo: number, endsInDays = 100) =>
    anImage(`lab1/debian-13.0-mine-x86-${day}`, {
      ...{ storedBytes: bytes, used: daysAgo(usedDaysAgo), expires: daysAgo(-endsInDays) },
    })

  test("expires a facility's own image when its time is over, the newest of its line too", () => {
    const images = [own('20260101', 1, 1, -1), own('20260102', 1, 1, -1)]
    const plan = planRetention(aWorld(images), [])
    expect(plan.map(({ rule }) => rule)).toEqual(['time-to-live', 'time-to-live'])
  })

  test('brings the own images of a facility under its cap, those used longest ago first', () => {
    const images = [
      own('20260101', 400, 50),
      own('20260102', 400, 90),
      own('20260103', 400, 10),
      own('20260104', 400, 99),
    ]
    const plan = planRetention(aWorld(images), [aPolicy('lab1/*-*-*-*', { capBytes: 1000 })])
    expect(plan.map(({ action, rule }) => `${action} ${rule}`)).toEqual([
      'expire size-cap',
      'expire size-cap',
      'keep not-yet',
      'keep needed',
    ])
  })
})

describe('the explanation of an image', () => {
  const policies = [aPolicy('*-*-*-*', { keepMonthly: 3, usedDays: 30, expireAfterDays: 60 })]
  const of = (day: string) => explain(aWorld(quarterly), policies, `${line}-${day}`)

  test('says when it goes, and what each rule says', () => {
    const told = of('20260115')
    expect(told?.message).toBe('It goes: it is older than 60 days, and nothing keeps it.')
    expect(told?.rules.map(({ rule, keeps }) => [rule, keeps])).toEqual([
      ['newest', false],
      ['monthly', false],
      ['quarterly', false],
      ['minimum-age', false],
      ['used', false],
    ])
  })

  test('says until when a rule keeps it', () => {
    const images = [...on('20260401'), ...quarterly.slice(0, 5), ...on('20260601')]
    const told = explain(aWorld(images), policies, `${line}-20260401`)
    expect(told?.message).toBe(
      'It stays until 2026-07-01: it is the newest of its month, and 3 months are kept. Then it goes, unless something needs it.',
    )
  })

  test('says who needs it', () => {
    expect(of('20260415')?.message).toBe(
      'It stays: it is the newest released image of debian-13-std-x86.',
    )
  })

  test('is none for what is not there', () => {
    expect(of('20000101')).toBeUndefined()
  })
})
