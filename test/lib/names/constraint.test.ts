import { describe, expect, test } from '@jest/globals'
import { resolve } from '../../../lib/names/resolve.ts'
import { aWorld, anImage, failureOf, nameOf, now } from './world.ts'

const world = aWorld()

describe('a constraint', () => {
  test.each([
    ['== fedora-43', 'fedora-43.4-std-x86-20260601'],
    ['< fedora-43', 'fedora-42.0-std-x86-20260101'],
    ['> ubuntu-2404.3, < ubuntu-2604', 'ubuntu-2404.4-std-x86-20260310.10'],
    ['> fedora-43.0, < fedora-43.4', 'fedora-43.2-std-x86-20260301'],
    ['ubuntu-2404, build < 20260310.10', 'ubuntu-2404.4-std-x86-20260310.9'],
    ['ubuntu-2404, build < 20260310', 'ubuntu-2404.3-std-x86-20251219'],
    ['ubuntu-2404, build <= 202512', 'ubuntu-2404.3-std-x86-20251219'],
    ['ubuntu-2404, != ubuntu-2404.4-std-x86-20260310.10', 'ubuntu-2404.4-std-x86-20260310.9'],
    ['ubuntu, release < resolute', 'ubuntu-2404.4-std-x86-20260310.10'],
    ['ubuntu, release <= 25.10', 'ubuntu-2404.4-std-x86-20260310.10'],
    ['fedora-43, role = hypervisor, arch = arm64', 'fedora-43.0-hypervisor-aarch64-20260601'],
    ['fedora-43, role != std, arch = x86', 'fedora-43.0-hypervisor-x86-20260601'],
    ['distro = ubnt, point = 3', 'ubuntu-2404.3-std-x86-20251219'],
    ['lab1/debian, role = mytools', 'lab1/debian-13.1-mytools-x86-20260701'],
    ['FEDORA , RELEASE<=43', 'fedora-43.4-std-x86-20260601'],
    ['fedora, release >= 43', 'fedora-43.4-std-x86-20260601'],
    ['fedora, release = 44', 'fedora-44.0-std-x86-20260801'],
    ['>= fedora-44', 'fedora-44.0-std-x86-20260801'],
  ])('%s means %s', (text, name) => {
    expect(nameOf(text)).toBe(name)
  })

  test.each([
    ['release >= 2204', 'INVALID_NAME'],
    ['!= fedora-43', 'INVALID_NAME'],
    ['fedora-43,', 'INVALID_NAME'],
    ['fedora => 43', 'INVALID_NAME'],
    ['fedora, colour = red', 'INVALID_NAME'],
    ['fedora, role > std', 'INVALID_NAME'],
    ['> fedora', 'INVALID_NAME'],
    ['fedora, point = x', 'INVALID_NAME'],
    ['fedora, build = tuesday', 'INVALID_NAME'],
    ['fedora, build = 20261301', 'INVALID_DATE'],
    ['fedora, release = 99', 'UNKNOWN_RELEASE'],
    ['fedora, role = hyperivisor', 'UNKNOWN_TOKEN'],
    ['fedora, arch = sparc', 'UNKNOWN_TOKEN'],
    ['distro = slackware', 'UNKNOWN_DISTRO'],
    ['lab1/debian, != lab2/debian-13', 'DUPLICATE_FIELD'],
    ['fedora, ubuntu', 'NO_MATCH'],
  ] as const)('%s is refused with %s', (text, reason) => {
    expect(failureOf(() => resolve(world, text, { now })).reason).toBe(reason)
  })

  test('that fits nothing says which clause left nothing over', () => {
    const failure = failureOf(() => resolve(world, 'fedora, point >= 2, release < 43', { now }))
    expect(failure.facts).toEqual({ clause: 'point >= 2' })
    expect(failure.message).toContain('nothing is left after "point >= 2"')
  })

  test('warns of an older way to write a day', () => {
    const { warnings } = resolve(world, 'ubuntu-2404, build <= 12312025', { now })
    expect(warnings.map(({ code }) => code)).toEqual(['LEGACY_FORM'])
  })

  test('goes by the order of the catalogue, not by numbers', () => {
    const releases = ['423', '150', '160'].map((release) => ({ release, official: release }))
    const distros = [{ id: 'opensuse', short: [], display: 'openSUSE', releases }]
    const words = { ...world.catalogue, distros }
    const rows = releases.map(({ release }) => anImage(`opensuse-${release}.0-std-x86-20260101`))
    const leap = aWorld(rows, [], words)
    expect(nameOf('opensuse', {}, leap)).toBe('opensuse-160.0-std-x86-20260101')
    expect(nameOf('opensuse, release < 150', {}, leap)).toBe('opensuse-423.0-std-x86-20260101')
  })
})
