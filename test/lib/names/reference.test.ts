import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure } from '../../../lib/failure.ts'
import type { Catalogue } from '../../../lib/names/catalogue.ts'
import { parseAliasName, parseImageName } from '../../../lib/names/name.ts'
import { parseReference, type Reference } from '../../../lib/names/reference.ts'
import { wordsOf } from '../../../lib/names/resolve.ts'
import { parseTarget } from '../../../lib/names/target.ts'
import { everyEnd, readMany } from './babble.ts'
import { aWorld, catalogue, failureOf } from './world.ts'

const words = wordsOf(aWorld())
const sha256 = 'ab'.repeat(32)

function parse(text: string, known: Catalogue = catalogue): Reference {
  return parseReference(text, { ...words, catalogue: known })
}

function fieldsOf(text: string): unknown {
  const reference = parse(text)
  return reference.kind === 'partial' ? reference.fields : reference.kind
}

describe('a partial name', () => {
  test.each([
    ['24.04', { distro: 'ubuntu', release: '2404' }],
    ['2404.4-hypervisor', { distro: 'ubuntu', release: '2404', point: 4, role: 'hypervisor' }],
    ['ubnt24.04.3', { distro: 'ubuntu', release: '2404', point: 3 }],
    ['noble-4', { distro: 'ubuntu', release: '2404', point: 4 }],
    ['debian-13.1', { distro: 'debian', release: '13', point: 1 }],
    ['debian-12-11', { distro: 'debian', release: '12', point: 11 }],
    ['debian-13-12', { distro: 'debian', release: '13', point: 12 }],
    ['debian:13:std:x86_64', { distro: 'debian', release: '13', role: 'std', arch: 'x86' }],
    ['ubuntu-hypervisor-2404', { distro: 'ubuntu', role: 'hypervisor', release: '2404' }],
    ['ubuntu-202512', { distro: 'ubuntu', build: { digits: '202512' } }],
    [
      'ubuntu-2404-20260310.0',
      { distro: 'ubuntu', release: '2404', build: { digits: '20260310', serial: 0 } },
    ],
    [
      'ubuntu-20260310-arm64-2404',
      { distro: 'ubuntu', release: '2404', arch: 'aarch64', build: { digits: '20260310' } },
    ],
    ['kali-2025-202512', { distro: 'kali', release: '2025', build: { digits: '202512' } }],
    ['ubuntu-240410', { distro: 'ubuntu', release: '2404', point: 10 }],
    [
      'ubnt-2404.4-std-x86-20260310',
      {
        distro: 'ubuntu',
        release: '2404',
        point: 4,
        role: 'std',
        arch: 'x86',
        build: { digits: '20260310' },
      },
    ],
    ['  Fedora-43  ', { distro: 'fedora', release: '43' }],
  ])('%s gives its fields', (text, fields) => {
    expect(fieldsOf(text)).toEqual(fields)
  })

  test.each([
    ['fedora-43-4-2', 'DUPLICATE_FIELD'],
    ['noble-2404', 'DUPLICATE_FIELD'],
    ['ubuntu-2404-24044', 'DUPLICATE_FIELD'],
    ['fedora-43-20260101-202601', 'DUPLICATE_FIELD'],
    ['fedora-43-x86-64', 'UNKNOWN_TOKEN'],
    ['ubuntu-2404-20260310-9', 'UNKNOWN_TOKEN'],
    ['ubuntu-2404.1234', 'UNKNOWN_RELEASE'],
    ['fedora99', 'UNKNOWN_RELEASE'],
    ['ubuntu-25.10', 'UNKNOWN_RELEASE'],
    ['fedora-std-4', 'UNKNOWN_RELEASE'],
    ['2504', 'UNKNOWN_DISTRO'],
    ['hypervisor', 'UNKNOWN_DISTRO'],
    ['ubuntu-202613', 'INVALID_DATE'],
    ['ubuntu-2404.4-std-x86-20260230', 'INVALID_DATE'],
    ['ubuntu-2404-02302025', 'INVALID_DATE'],
    ['fedora--43', 'INVALID_NAME'],
    ['-fedora', 'INVALID_NAME'],
    ['fedora 43', 'INVALID_NAME'],
    ['fedora.43/x', 'INVALID_NAME'],
    ['L/fedora', 'INVALID_NAME'],
    ['\u212Aali', 'INVALID_NAME'],
    ['   ', 'EMPTY'],
  ] as const)('%s is refused with %s', (text, reason) => {
    expect(failureOf(() => parse(text)).reason).toBe(reason)
  })

  test('that is a month as well as a release with its point is ambiguous', () => {
    const failure = failureOf(() => parse('kali-202512'))
    expect(failure.reason).toBe('AMBIGUOUS')
    expect(failure.facts).toEqual({ readings: 'kali-2025.12; kali, build = 202512' })
  })

  test('that is a release of two distros is ambiguous', () => {
    const nine = { release: '9', official: '9' }
    const distros = ['alma', 'rocky'].map((id) => ({
      id,
      short: [],
      display: id,
      releases: [nine],
    }))
    const failure = failureOf(() => parse('9-std', { ...catalogue, distros }))
    expect(failure.facts).toEqual({ readings: 'alma-9-std; rocky-9-std' })
  })

  test('is unharmed by a release that another one begins with', () => {
    const releases = ['1', '13', '130'].map((release) => ({ release, official: release }))
    const distros = [{ id: 'debian', short: [], display: 'Debian', releases }]
    const read = parse('debian-130', { ...catalogue, distros })
    expect(read).toMatchObject({ fields: { release: '130' }, warnings: [] })
    const longest = parse('debian-1304', { ...catalogue, distros })
    expect(longest).toMatchObject({ fields: { release: '130', point: 4 } })
  })
})

describe('a sentence about a wrong word', () => {
  test.each([
    ['fedroa-43', 'No distro is called "fedroa"; did you mean `fedora`?'],
    ['fedroa43', 'No distro is called "fedroa43"; did you mean `fedora`?'],
    ['nobel', 'No distro is called "nobel"; did you mean `noble`?'],
    ['fedora-43-arch64', '"arch64" is no field of an image name; did you mean `aarch64`?'],
    ['ubuntu-nobel', '"nobel" is no field of an image name; did you mean `noble`?'],
    ['lab1/debian-13-mytool', '"mytool" is no field of an image name; did you mean `mytools`?'],
    [
      'slackware-15',
      'No distro is called "slackware"; known are ubuntu, ubnt, debian, debn, fedora, fdra, kali',
    ],
    ['fedora-99', 'Fedora has no release "99"; known are 42, 43, 44'],
  ])('in %s says what was likely meant', (text, message) => {
    expect(failureOf(() => parse(text)).message).toBe(message)
  })
})

describe('a strange character', () => {
  test.each([
    ['fedora-43\u0000', 'U+0000'],
    ['fedora\u202e-43', 'U+202E'],
    ['fedora-\ud800', 'U+D800'],
    ['fedora*', '*'],
  ])('in %j is named', (text, character) => {
    const failure = failureOf(() => parse(text))
    expect(failure.message).toMatch(/^[ -~…]*$/)
    expect(failure.message.endsWith(`has the character ${character}`)).toBe(true)
  })
})

describe('a digest after a name', () => {
  const name = 'fedora-43.4-std-x86-20260601'

  test('pins it', () => {
    expect(parse(`${name}@sha256:${sha256.toUpperCase()}`)).toMatchObject({ kind: 'exact', sha256 })
  })

  test.each([
    `fedora-43@sha256:${sha256}`,
    `${name}@sha256:abc`,
    `${name}@`,
    `${name}@md5:${sha256}`,
  ])('is not in %s', (text) => {
    expect(failureOf(() => parse(text)).reason).toBe('INVALID_NAME')
  })
})

describe('arbitrary text', () => {
  const pieces = fc.constantFrom(
    ...['ubuntu', 'ubnt', 'fedora', 'kali', '2404', '24.04', '43', '4', '24044', '202512', 'noble'],
    ...['20260310', '20260310.9', '02042025', '20261301', 'std', 'hypervisor', 'x86', 'x86_64'],
    ...['arm64', 'release', 'build', 'role', 'lab1/', '-', '-', '-', ':', '.', ',', ' '],
    ...['=', '!=', '>=', '<', '@sha256:', sha256],
  )
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('-')),
    fc.string({ unit: 'binary', maxLength: 24 }),
  )

  test.each([
    ['a reference', 10_000, parse],
    ['an exact name', 10_000, parseImageName],
    ['an alias', 10_000, parseAliasName],
    ['a target', 10_000, (text: string) => parseTarget(text, catalogue)],
  ])('is read as %s or fails with a Failure, %d times', (_, numRuns, parser) => {
    fc.assert(
      fc.property(texts, (text) => isForeseen(() => parser(text))),
      { numRuns, seed: 20_260_615 },
    )
  })
})

describe('50,000 random texts', () => {
  test('are read, or refused for a documented reason, and all of these occur', () => {
    const ends = readMany(50_000, words, 20_260_615)
    expect([...ends.keys()].sort()).toEqual(everyEnd)
  })
})

function isForeseen(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch (error) {
    return error instanceof Failure
  }
}
