import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Failure } from '../../../lib/failure.ts'
import { renderImageName } from '../../../lib/names/name.ts'
import { resolve } from '../../../lib/names/resolve.ts'
import { aWorld, anImage, failureOf, images, nameOf, now, vectorSets } from './world.ts'

const world = aWorld()

describe('a free field', () => {
  test('is filled in, and the answer says from where', () => {
    expect(resolve(world, 'fedora', { now }).defaults).toEqual([
      { field: 'role', value: 'std', origin: 'convention' },
      { field: 'arch', value: 'x86', origin: 'catalogue' },
      { field: 'release', value: '43', origin: 'newest' },
      { field: 'point', value: '4', origin: 'newest' },
      { field: 'build', value: '20260601', origin: 'newest' },
    ])
  })

  test('takes the architecture of the context', () => {
    const { defaults } = resolve(world, 'fedora-43.0-hypervisor-20260601', { now, arch: 'aarch64' })
    expect(defaults).toEqual([{ field: 'arch', value: 'aarch64', origin: 'context' }])
  })

  test('is not there in an exact name or an alias', () => {
    expect(resolve(world, 'debian-13.0-std-x86-20250910', { now }).defaults).toEqual([])
    expect(resolve(world, 'ubuntu2204-std', { now, arch: 'aarch64' }).defaults).toEqual([])
  })

  test('is filled from what is present, where that is asked for', () => {
    const present = ({ name }: { name: { point: number } }): boolean => name.point === 2
    expect(nameOf('fedora', { present })).toBe('fedora-43.2-std-x86-20260301')
  })

  test('passes over archived and expired images', () => {
    const rows = [
      anImage('fedora-43.4-std-x86-20260603', { storage: 'archived' }),
      anImage('fedora-43.4-std-x86-20260602', { storage: 'expired' }),
      anImage('fedora-43.4-std-x86-20260601'),
    ]
    expect(nameOf('fedora', {}, aWorld(rows))).toBe('fedora-43.4-std-x86-20260601')
  })

  test('never takes an image of a facility for one of the portal', () => {
    const rows = [
      anImage('lab1/fedora-43.9-std-x86-20261001'),
      anImage('fedora-43.4-std-x86-20260601'),
    ]
    expect(nameOf('fedora', {}, aWorld(rows))).toBe('fedora-43.4-std-x86-20260601')
    expect(nameOf('lab1/fedora', {}, aWorld(rows))).toBe('lab1/fedora-43.9-std-x86-20261001')
  })

  test('still takes a release on the last day of its life', () => {
    const debian = aWorld(images.filter(({ name }) => name.release === '11'))
    const lastDay = new Date('2026-08-31T23:59:59Z')
    expect(nameOf('debian', { now: lastDay }, debian)).toBe('debian-11.11-std-x86-20250915')
    const dayAfter = new Date('2026-09-01T00:00:00Z')
    const failure = failureOf(() => resolve(debian, 'debian', { now: dayAfter }))
    expect(failure.message).toContain('is of a release past its end of life')
  })
})

describe('nothing that fits', () => {
  test.each([
    ['fedora-42-vte', 'nothing is left after "role = vte"'],
    ['kali-arm64', 'nothing is left after "arch = aarch64"'],
    ['fedora-42-riscv64', 'nothing is left after "arch = riscv64"'],
    ['lab9/debian', 'there is no image of Debian at all'],
    ['kali-2026.2', 'kali-2026.2-std-x86-20260801 is not released yet'],
    ['fedora43.4-std-x86-20260701', 'fedora-43.4-std-x86-20260701 is revoked'],
    ['lab1/debian-13-vte', 'nothing is left after "role = vte"'],
  ])('for %s is explained', (text, why) => {
    const failure = failureOf(() => resolve(world, text, { now }))
    expect(failure.reason).toBe('NO_MATCH')
    expect(failure.message).toContain(why)
  })
})

describe('an exact name', () => {
  const revoked = 'fedora-43.4-std-x86-20260701'
  const [digest = ''] = images.map((image) => image.digest)

  test('that is pinned resolves with that digest only', () => {
    const name = 'ubuntu-2004.6-std-x86-20250401'
    expect(nameOf(`${name}@sha256:${digest}`)).toBe(name)
    const other = `${name}@sha256:${'00'.repeat(32)}`
    expect(failureOf(() => resolve(world, other, { now })).reason).toBe('DIGEST_MISMATCH')
  })

  test('warns of the end of its release', () => {
    const { warnings } = resolve(world, 'ubuntu-2004.6-std-x86-20250401', { now })
    expect(warnings).toEqual([
      {
        code: 'END_OF_LIFE',
        message: 'Ubuntu 20.04 (Focal Fossa) is past its end of life, 2025-05-31',
      },
    ])
  })

  test('of a revoked image names the replacement', () => {
    const failure = failureOf(() => resolve(world, revoked, { now }))
    expect(failure.facts).toEqual({ replacement: 'fedora-43.4-std-x86-20260601' })
    expect(failure.message).toContain('use fedora-43.4-std-x86-20260601 instead')
  })

  test('of a revoked image resolves for who may use it, with a warning', () => {
    const { image, warnings } = resolve(world, revoked, { now, mayUseRevoked: true })
    expect(renderImageName(image.name)).toBe(revoked)
    expect(warnings.map(({ code }) => code)).toEqual(['REVOKED'])
  })

  test('of an expired image names the newest of its line', () => {
    const rows = [
      anImage('debian-13.0-std-x86-20250910', { storage: 'expired' }),
      anImage('debian-13.1-std-x86-20260601'),
      anImage('debian-13.1-std-x86-20260901', { heldBack: true }),
    ]
    const call = () => resolve(aWorld(rows), 'debian-13.0-std-x86-20250910', { now })
    expect(failureOf(call)).toMatchObject({
      reason: 'EXPIRED',
      facts: { newest: 'debian-13.1-std-x86-20260601' },
    })
  })

  test('of a deprecated image says what to use instead', () => {
    const { warnings } = resolve(world, 'debian-12.12-std-x86-20260901', { now })
    expect(warnings[0]?.message).toContain('use debian-12.11-std-x86-20260601 instead')
  })

  test('of a candidate or an archived image resolves', () => {
    const rows = [anImage('fedora-43.4-std-x86-20260603', { storage: 'archived' }), ...images]
    for (const name of ['fedora-43.4-std-x86-20260603', 'kali-2026.2-std-x86-20260801']) {
      expect(nameOf(name, {}, aWorld(rows))).toBe(name)
    }
  })

  test('of an archived image says how to bring it back', () => {
    const name = 'fedora-43.4-std-x86-20260603'
    const archived = aWorld([anImage(name, { storage: 'archived' }), ...images])
    const { warnings } = resolve(archived, name, { now })
    const message = `${name} is in the archive: "mrg-image restore ${name}" brings it back`
    expect(warnings).toEqual([{ code: 'ARCHIVED', message }])
  })

  test('of an image that is elsewhere is refused, where presence is asked for', () => {
    const call = () => resolve(world, 'debian-13.0-std-x86-20250910', { now, present: () => false })
    expect(failureOf(call).reason).toBe('NOT_PRESENT')
  })

  test.each([
    ['fedora-43.4-std-x86-20200101', 'the newest of its line is fedora-43.4-std-x86-20260601'],
    ['kali-2026.2-std-x86-20200101', 'the newest of its line is kali-2026.1-std-x86-20260301'],
    ['fedora-43.4-hyperivisor-x86-20260601', 'did you mean `hypervisor`?'],
    ['slackware-15.0-std-x86-20260601', 'No distro is called "slackware"'],
    ['fedora-42.0-vte-x86-20260601', 'its line has none at all'],
  ])('that no image has, %s, gets a hint', (text, hint) => {
    const failure = failureOf(() => resolve(world, text, { now }))
    expect(failure.reason).toBe('NOT_FOUND')
    expect(failure.message).toContain(hint)
  })
})

describe('an alias', () => {
  test('comes before a partial name, in its own namespace only', () => {
    const aliased = aWorld(images, [{ name: 'fedora-43', image: 'fedora-42.0-std-x86-20260101' }])
    expect(nameOf('Fedora-43', {}, aliased)).toBe('fedora-42.0-std-x86-20260101')
    expect(failureOf(() => nameOf('lab1/fedora-43', {}, aliased)).reason).toBe('NO_MATCH')
  })

  test('of a revoked image is refused', () => {
    const aliased = aWorld(images, [{ name: 'mine', image: 'fedora-43.4-std-x86-20260701' }])
    expect(failureOf(() => nameOf('mine', {}, aliased)).reason).toBe('REVOKED')
  })

  test('that points at nothing is NOT_FOUND', () => {
    const aliased = aWorld([], [{ name: 'mine', image: 'fedora-43.4-std-x86-20260701' }])
    expect(failureOf(() => nameOf('mine', {}, aliased)).reason).toBe('NOT_FOUND')
  })
})

describe.each(Object.entries(vectorSets))('an answer about the %s vectors', (_, set) => {
  const { catalogue, images, aliases, cases } = set
  const world = aWorld(images, aliases, catalogue)
  const references = fc.constantFrom(
    ...cases.map(({ reference }) => reference),
    ...['fedora, role != std', 'fedora, arch != riscv64', 'lab1/debian-13-x', 'kali-2026.2'],
  )
  const anyOrder = <T>(rows: readonly T[]): fc.Arbitrary<readonly T[]> =>
    fc.shuffledSubarray([...rows], { minLength: rows.length })

  test('is the same whatever order the images come in', () => {
    fc.assert(
      fc.property(anyOrder(images), references, (rows, reference) => {
        const other = aWorld(rows, aliases, catalogue)
        expect(answer(other, reference)).toEqual(answer(world, reference))
      }),
      { numRuns: 1000 },
    )
  })

  test('is the same whatever order the words of the catalogue and the aliases come in', () => {
    const { roles, distros } = catalogue
    const words = fc.record({ roles: anyOrder(roles), distros: anyOrder(distros) })
    fc.assert(
      fc.property(words, anyOrder(aliases), references, (known, moves, reference) => {
        const other = aWorld(images, moves, { ...catalogue, ...known })
        expect(outcome(other, reference)).toEqual(outcome(world, reference))
      }),
      { numRuns: 1000 },
    )
  })
})

function answer(from: typeof world, reference: string): unknown {
  try {
    return resolve(from, reference, { now })
  } catch (error) {
    return String(error)
  }
}

/** An answer, or why there is none: what lists of words are suggested comes in the catalogue's order. */
function outcome(from: typeof world, reference: string): unknown {
  try {
    return resolve(from, reference, { now })
  } catch (error) {
    const { reason, facts } = error as Failure
    const { nearest, known, readings, ...others } = facts
    return [reason, others, nearest, known?.split(', ').sort(), readings?.split('; ').sort()]
  }
}
