import { describe, expect, test } from '@jest/globals'
import { parseLine, readLine } from '../../../lib/names/line.ts'
import { renderLine } from '../../../lib/names/name.ts'
import { catalogue, failureOf } from './world.ts'

const vocabulary = { catalogue, roles: new Set(['mytools']) }

describe('a line', () => {
  test.each([
    ['ubuntu-2404-std-x86', 'ubuntu-2404-std-x86'],
    ['noble', 'ubuntu-2404-std-x86'],
    [' Ubuntu:24.04:ARM64 ', 'ubuntu-2404-std-aarch64'],
    ['debian-13-hypervisor', 'debian-13-hypervisor-x86'],
    ['lab1/debian-13-x86-mytools', 'lab1/debian-13-mytools-x86'],
  ])('written as %j is %s', (text, line) => {
    expect(renderLine(parseLine(text, vocabulary))).toBe(line)
  })

  test.each([
    ['debian', 'INVALID_NAME', 'no release'],
    ['debian-13.1', 'INVALID_NAME', 'a point release'],
    ['debian-130', 'INVALID_NAME', 'a point release'],
    ['debian-13-202606', 'INVALID_NAME', 'a build'],
    ['debian-13-std-x86-20260615', 'INVALID_NAME', 'a build'],
    ['>= debian-13', 'INVALID_NAME', 'a character'],
    ['de\u{212A}ian-13', 'INVALID_NAME', 'a character'],
    ['', 'INVALID_NAME', ''],
    ['lab1/', 'INVALID_NAME', ''],
    ['x'.repeat(129), 'INVALID_NAME', ''],
    ['slackware-15', 'UNKNOWN_DISTRO', ''],
    ['debian-99', 'UNKNOWN_RELEASE', ''],
    ['debian-13-hyperivisor', 'UNKNOWN_TOKEN', 'hypervisor'],
  ] as const)('is not %j: %s', (text, reason, why) => {
    const failure = failureOf(() => parseLine(text, vocabulary))
    expect(failure).toMatchObject({ reason, message: expect.stringContaining(why) })
  })

  test('is read again as it was rendered, and nothing else is', () => {
    for (const text of ['ubuntu-2404-std-x86', 'lab-1/debian-13-mytools-aarch64']) {
      expect(readLine(text)).toBeDefined()
      expect(renderLine(readLine(text) ?? parseLine('', vocabulary))).toBe(text)
    }
    for (const text of ['', 'noble', 'ubuntu-2404-std-amiga', 'ubuntu-2404.4-std-x86-20260615']) {
      expect(readLine(text)).toBeUndefined()
    }
  })
})
