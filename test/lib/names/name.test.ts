import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compareBuilds } from '../../../lib/names/build.ts'
import {
  parseAliasName,
  parseFacilityName,
  parseImageName,
  renderAliasName,
  renderImageName,
  renderLine,
  type ImageName,
} from '../../../lib/names/name.ts'
import { parseReference } from '../../../lib/names/reference.ts'
import { wordsOf } from '../../../lib/names/resolve.ts'
import { aWorld, failureOf } from './world.ts'

const exactNames: fc.Arbitrary<ImageName> = fc.record({
  namespace: fc.oneof(fc.constant(''), fc.stringMatching(/^[a-z][a-z0-9-]{0,30}[a-z0-9]$/)),
  distro: fc.stringMatching(/^[a-z][a-z0-9]{1,15}$/),
  release: fc.stringMatching(/^[0-9]{1,6}$/),
  point: fc.integer({ min: 0, max: 999 }),
  role: fc.stringMatching(/^[a-z][a-z0-9]{0,31}$/),
  arch: fc.constantFrom('x86', 'aarch64', 'riscv64'),
  build: fc.record({
    day: fc
      .date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10).replaceAll('-', '')),
    serial: fc.integer({ min: 0, max: 999_999_999 }),
  }),
})

describe('an exact name', () => {
  test('is what it was after rendering and parsing', () => {
    fc.assert(
      fc.property(exactNames, (name) => {
        expect(parseImageName(renderImageName(name))).toEqual(name)
      }),
      { numRuns: 2000 },
    )
  })

  test('is read as itself where any reference may stand', () => {
    const words = wordsOf(aWorld())
    fc.assert(
      fc.property(exactNames, (name) => {
        const written = renderImageName(name)
        const reference = parseReference(` ${written.toUpperCase()} `, words)
        expect(reference).toEqual({ kind: 'exact', name, warnings: [] })
      }),
      { numRuns: 1000 },
    )
  })

  test('has every field', () => {
    expect(parseImageName('lab1/debian-13.1-mytools-x86-20260615.2')).toEqual({
      namespace: 'lab1',
      distro: 'debian',
      release: '13',
      point: 1,
      role: 'mytools',
      arch: 'x86',
      build: { day: '20260615', serial: 2 },
    })
  })

  test.each([
    'ubuntu-2404-std-x86-20260310',
    'ubuntu-2404.04-std-x86-20260310',
    'ubuntu-2404.4-std-amd64-20260310',
    'ubuntu-2404.4-std-x86-20260310.0',
    'ubuntu-2404.4-std-x86-20260310.01',
    'Ubuntu-2404.4-std-x86-20260310',
    'ubuntu-2404.4-std-x86-20260310\n',
    'ubuntu-2404.1000-std-x86-20260310',
    'ubuntu-2404.4-9role-x86-20260310',
    'a/ubuntu-2404.4-std-x86-20260310',
    'lab-/ubuntu-2404.4-std-x86-20260310',
    'lab1/lab2/ubuntu-2404.4-std-x86-20260310',
    '',
  ])('has one spelling, which is not %j', (text) => {
    expect(failureOf(() => parseImageName(text)).reason).toBe('INVALID_NAME')
  })

  test.each(['20260229', '20261301', '20260431', '20260100', '00000101', '21000229'])(
    'has a day that is in the calendar, which %s is not',
    (day) => {
      const failure = failureOf(() => parseImageName(`ubuntu-2404.4-std-x86-${day}`))
      expect(failure.reason).toBe('INVALID_DATE')
    },
  )

  test('may be of a leap day', () => {
    expect(parseImageName('ubuntu-2404.4-std-x86-20240229').build.day).toBe('20240229')
  })

  test('belongs to a line', () => {
    const name = parseImageName('lab1/debian-13.1-mytools-x86-20260615.2')
    expect(renderLine(name)).toBe('lab1/debian-13-mytools-x86')
  })
})

describe('builds', () => {
  test('compare by day, then by number', () => {
    const builds = [
      { day: '20260311', serial: 0 },
      { day: '20260310', serial: 10 },
      { day: '20260310', serial: 9 },
      { day: '20251231', serial: 0 },
    ]
    expect([...builds].sort(compareBuilds)).toEqual([...builds].reverse())
  })
})

describe('the name of an alias', () => {
  test.each(['course-cs101', 'lab1/default', 'ubuntu2204-std', 'v1.2'])('may be %s', (text) => {
    expect(renderAliasName(parseAliasName(text))).toBe(text)
  })

  test.each([
    'ubuntu-2404.4-std-x86-20260310',
    'lab1/ubuntu-2404.4-std-x86-20260310',
    'ubuntu-2404.4-std-x86-20261301',
    '2004',
    'debian:12',
    'default-',
    'Default',
    'lab1/',
    'x'.repeat(129),
  ])('is not %s', (text) => {
    expect(failureOf(() => parseAliasName(text)).reason).toBe('INVALID_NAME')
  })
})

describe('the name of a facility', () => {
  test('has 2 to 32 characters', () => {
    expect(parseFacilityName('lab-1')).toBe('lab-1')
    for (const text of ['a', 'a'.repeat(33), '1lab', 'lab-', 'Lab', 'lab/1', '']) {
      expect(failureOf(() => parseFacilityName(text)).reason).toBe('INVALID_NAME')
    }
  })
})
