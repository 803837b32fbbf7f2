import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readLine } from '../../../lib/names/line.ts'
import {
  clash,
  covers,
  fits,
  matcher,
  meet,
  parsePattern,
  renderPattern,
} from '../../../lib/names/pattern.ts'

function lineOf(text: string) {
  const line = readLine(text)
  if (line === undefined) throw new Error(`${text} is no line`)
  return line
}

describe('a pattern of lines', () => {
  test.each([
    ['debian-13-std-x86', 'debian-13-std-x86'],
    [' Debian-*-std-amd64 ', 'debian-*-std-x86'],
    ['lab1/*-*-*-*', 'lab1/*-*-*-*'],
    ['*/ubuntu-*-*-*', '*/ubuntu-*-*-*'],
  ])('%s is read, and shown as %s', (text, shown) => {
    expect(renderPattern(parsePattern(text))).toBe(shown)
  })

  test.each([
    '',
    'debian-13',
    'debian-13-std-x86-20260101',
    'debian-13-std-vax',
    'a/b/c-1-d-x86',
    'deb*-13-std-x86',
    'debian-13-std-*x',
    'debian-x-std-x86',
  ])('"%s" is none', (text) => {
    expect(() => parsePattern(text)).toThrow('is no pattern of lines')
  })

  test.each([
    ['*-*-*-*', 'debian-13-std-x86', true],
    ['*-*-*-*', 'lab1/debian-13-std-x86', false],
    ['*/*-*-*-*', 'lab1/debian-13-std-x86', true],
    ['*/*-*-*-*', 'debian-13-std-x86', false],
    ['lab1/*-*-*-*', 'lab2/debian-13-std-x86', false],
    ['debian-*-std-*', 'debian-12-std-aarch64', true],
    ['debian-*-std-*', 'debian-12-vte-aarch64', false],
  ])('%s fits %s: %s', (pattern, line, expected) => {
    expect(fits(parsePattern(pattern), lineOf(line))).toBe(expected)
  })

  test.each([
    ['debian-*-*-*', '*-13-*-*', 'debian-13-*-*', true],
    ['debian-*-*-*', 'debian-13-*-*', 'debian-13-*-*', false],
    ['debian-*-*-*', 'fedora-*-*-*', undefined, false],
    ['*-*-*-*', '*/*-*-*-*', undefined, false],
    ['*/debian-*-*-*', 'lab1/*-*-*-*', 'lab1/debian-*-*-*', true],
  ])('%s and %s have %s in common; they clash: %s', (a, b, common, expected) => {
    const [one, other] = [parsePattern(a), parsePattern(b)]
    const met = meet(one, other)
    expect(met && renderPattern(met)).toBe(common)
    expect(clash(one, other)).toBe(expected)
  })

  const word = (values: readonly string[]) => fc.constantFrom('*', ...values)
  const anyPattern = fc
    .tuple(
      fc.constantFrom('', '*/', 'lab1/', 'lab2/'),
      word(['debian', 'fedora']),
      word(['13', '43']),
      word(['std', 'vte']),
      word(['x86', 'aarch64']),
    )
    .map(([owner, ...rest]) => parsePattern(owner + rest.join('-')))
  const anyLine = fc
    .tuple(
      fc.constantFrom('', 'lab1/', 'lab2/'),
      fc.constantFrom('debian', 'fedora'),
      fc.constantFrom('13', '43'),
      fc.constantFrom('std', 'vte'),
      fc.constantFrom('x86', 'aarch64'),
    )
    .map(([owner, ...rest]) => lineOf(owner + rest.join('-')))

  test('fits a line in common with another if and only if what they have in common fits it', () => {
    fc.assert(
      fc.property(anyPattern, anyPattern, anyLine, (a, b, line) => {
        const common = meet(a, b)
        expect(common !== undefined && fits(common, line)).toBe(fits(a, line) && fits(b, line))
        if (covers(a, b) && fits(b, line)) expect(fits(a, line)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('is found for a line as the most specific one that fits', () => {
    fc.assert(
      fc.property(fc.array(anyPattern, { maxLength: 8 }), anyLine, (drawn, line) => {
        const apart = drawn.filter(
          (one, i) => !drawn.slice(0, i).some((other) => clash(one, other)),
        )
        const fitting = apart.filter((pattern) => fits(pattern, line))
        const best = fitting.find((one) => fitting.every((other) => covers(other, one)))
        const found = matcher(apart.map((pattern) => ({ pattern })))(line)
        expect(found && renderPattern(found.pattern)).toBe(best && renderPattern(best))
      }),
      { numRuns: 2000 },
    )
  })
})
