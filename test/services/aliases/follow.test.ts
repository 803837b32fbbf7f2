import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { AliasMoveKind } from '../../../proto/gen/merge/image/v1/alias.ts'
import { lockLine } from '../../../services/images/lines.ts'
import { followLines } from '../../../services/aliases/follow.ts'
import { readGeneration } from '../../../services/generation.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('an alias that follows a line', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let calls: ReturnType<typeof aliasCalls>
  const data = randomBytes(1000)

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    producer = portal.as('producer')
    calls = aliasCalls(producer)
    await makeFacilities(portal.as('admin'), 'lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const release = (name: string, as = producer) =>
    as.images.releaseImage({ requestId: randomUUID(), name, etag: '', reason: '' })

  test('points at the newest released image, and moves when another becomes that', async () => {
    const first = await publish(producer, 'ubuntu-2404.3', data)
    const followed = await calls.follow('lts', 'noble', { reason: 'always fresh' })
    const follows = 'ubuntu-2404-std-x86'
    expect(followed).toMatchObject({ image: first, follows, paused: false, etag: '1' })

    const published = await publish(producer, 'ubuntu-2404.4', data)
    expect(await calls.get('lts')).toMatchObject({ image: published, follows, etag: '2' })

    const candidate = await publish(producer, 'ubuntu-2404.5', data, false)
    expect(await calls.get('lts')).toMatchObject({ image: published })
    await release(candidate)
    expect(await calls.get('lts')).toMatchObject({ image: candidate, follows, etag: '3' })

    expect(await calls.history('lts')).toMatchObject([
      { kind: AliasMoveKind.ALIAS_MOVE_KIND_SET, actor: 'producer', reason: 'always fresh' },
      {
        kind: AliasMoveKind.ALIAS_MOVE_KIND_FOLLOW,
        actor: 'system',
        reason: 'newest released of ubuntu-2404-std-x86',
      },
      { kind: AliasMoveKind.ALIAS_MOVE_KIND_FOLLOW, image: candidate },
    ])
  })

  test('goes by point, day and serial as numbers, never by when an image was released', async () => {
    const targets = ['debian-13.9-20260110', 'debian-13.10-20260109', 'debian-13.10-20260108']
    const names: string[] = []
    for (const target of targets) {
      names.push(await publish(producer, target, data))
      if (names.length === 1) await calls.follow('numbers', 'debian-13')
    }
    expect(await calls.get('numbers')).toMatchObject({ image: names[1], etag: '2' })
    const serials = Array.from({ length: 11 }, () => 'debian-13.10-20260109')
    for (const target of serials) names.push(await publish(producer, target, data))
    const image = 'debian-13.10-std-x86-20260109.11'
    expect(names.at(-1)).toBe(image)
    expect(await calls.get('numbers')).toMatchObject({ image })
  })

  test('is left alone by other lines', async () => {
    const own = await publish(producer, 'rocky-9', data)
    await calls.follow('rocks', 'rocky-9')
    for (const target of ['rocky-10', 'rocky-9-hypervisor', 'rocky-9-aarch64']) {
      await publish(producer, target, data)
    }
    await publish(portal.as('manager:lab1'), 'lab1/rocky-9', data)
    expect(await calls.get('rocks')).toMatchObject({ image: own, etag: '1' })
  })

  test('does not go to what is held back, archived or expired, and leaves it', async () => {
    const older = await publish(producer, 'alma-9', data)
    const newer = await publish(producer, 'alma-9', data)
    await calls.follow('alma', 'alma-9')
    const line = { namespace: '', distro: 'alma', release: '9', role: 'std', arch: 'x86' } as const
    const change = async (set: object) => {
      await portal.sql.begin(async (tx) => {
        await lockLine(tx, line)
        await tx`update image set ${tx(set as { state: string })} where name = ${newer}`
        await followLines(tx, line)
      })
      return (await calls.get('alma')).image
    }
    expect(await change({ held_back: true })).toBe(older)
    expect(await change({ held_back: false })).toBe(newer)
    expect(await change({ storage: 'archived' })).toBe(older)
    expect(await change({ storage: 'expired' })).toBe(older)
    expect(await change({ storage: 'present' })).toBe(newer)
    expect(await change({ state: 'deprecated' })).toBe(older)
    await portal.sql`update image set state = 'revoked' where name = ${older}`
    // Nothing is left: it stays where it is, and resolving it says why not to.
    expect(await change({ state: 'revoked' })).toBe(older)
  })

  test('moves in the generation of the release, and only if there is something to move', async () => {
    await publish(producer, 'kali-2026', data)
    await calls.follow('kalis', 'kali-2026')
    const before = await readGeneration(portal.sql)
    const image = await publish(producer, 'kali-2026', data)
    const [row] = await portal.sql`
      select alias.generation as alias, image.generation as image
      from alias join image on image.name = alias.image where alias.name = 'kalis'`
    expect(row).toEqual({ alias: before + 1n, image: before + 1n })
    await publish(producer, 'kali-2026.0-20200101', data)
    expect(await calls.get('kalis')).toMatchObject({ image, etag: '2' })
  })

  test('is told to the facilities that hold what it points at', async () => {
    const admin = portal.as('admin')
    const next = await publish(producer, 'fedora-42', data, false)
    await publish(producer, 'fedora-42.0-20260101', data)
    await calls.follow('hat', 'fedora-42')
    await admin.facilities.pushImage({ requestId: randomUUID(), facility: 'lab1', image: next })
    const watch = portal.as('agent:lab1').agents.watchDesiredState({ facility: 'lab1' })
    for await (const { aliases } of watch) {
      if (aliases.some(({ name, image }) => name === 'hat' && image === next)) break
      await release(next)
    }
  })

  describe('of a facility', () => {
    test('finds the roles of its own, and moves by its own images', async () => {
      const manager = portal.as('manager:lab1')
      const own = aliasCalls(manager)
      await publish(manager, 'lab1/debian-13-mytools', data)
      const made = await own.follow('lab1/tools', 'Lab1/trixie-mytools')
      expect(made).toMatchObject({ follows: 'lab1/debian-13-mytools-x86' })
      const image = await publish(manager, 'lab1/debian-13-mytools', data)
      expect(await own.get('lab1/tools')).toMatchObject({ image })
    })

    test('follows no other namespace', async () => {
      const told = { reason: 'INVALID_FIELD', facts: { field: 'follow' } }
      const own = aliasCalls(portal.as('manager:lab1'))
      await expect(own.follow('lab1/lts', 'debian-13')).rejects.toMatchObject(told)
      await expect(calls.follow('tools', 'lab1/debian-13-mytools')).rejects.toMatchObject(told)
    })
  })

  test.each([
    ['ubunto-2404', 'UNKNOWN_DISTRO'],
    ['ubuntu-9904', 'UNKNOWN_RELEASE'],
    ['ubuntu-2404-hyperivisor', 'UNKNOWN_TOKEN'],
    ['ubuntu', 'INVALID_NAME'],
    ['ubuntu-2404.4', 'INVALID_NAME'],
    ['ubuntu-2404-std-x86-20260615', 'INVALID_NAME'],
    ['ubuntu-2404-noble', 'DUPLICATE_FIELD'],
    ['ubuntu-2604', 'NO_MATCH'],
  ])('does not follow "%s": %s', async (follow, reason) => {
    await expect(calls.follow('lost', follow)).rejects.toMatchObject({ reason })
    await expect(calls.get('lost')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
  })

  test('is a plain pointer again once it is set to an image', async () => {
    const image = await publish(producer, 'debian-11', data)
    await calls.follow('plain', 'debian-11')
    expect(await calls.set('plain', image)).toMatchObject({ image, follows: '', etag: '2' })
    await publish(producer, 'debian-11', data)
    expect(await calls.get('plain')).toMatchObject({ image, etag: '2' })
  })

  test('follows no more once it is deleted, also when it is made again', async () => {
    const image = await publish(producer, 'debian-12', data)
    await calls.follow('ended', 'debian-12')
    await calls.remove('ended')
    await publish(producer, 'debian-12', data)
    expect(await calls.set('ended', image)).toMatchObject({ image, follows: '', etag: '3' })
  })

  test('is only tried to follow where that is only checked', async () => {
    const image = await publish(producer, 'fedora-44', data)
    const told = await calls.follow('tried', 'fedora-44', { validateOnly: true })
    expect(told).toMatchObject({ image, follows: 'fedora-44-std-x86' })
    await expect(calls.get('tried')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
  })

  describe('and is rolled back', () => {
    let [first, second] = ['', '']

    beforeAll(async () => {
      first = await publish(producer, 'fedora-43', data)
      await calls.follow('paused', 'fedora-43')
      second = await publish(producer, 'fedora-43', data)
    })

    test('stays there, whatever is released, until it is resumed', async () => {
      const rolled = await calls.rollBack('paused')
      expect(rolled).toMatchObject({ image: first, follows: 'fedora-43-std-x86', paused: true })
      const third = await publish(producer, 'fedora-43', data)
      expect(await calls.get('paused')).toMatchObject({ image: first, paused: true })
      const resumed = await calls.resume('paused', { reason: 'it is mended' })
      expect(resumed).toMatchObject({ image: third, paused: false })
      expect((await calls.history('paused')).at(-1)).toMatchObject({
        kind: AliasMoveKind.ALIAS_MOVE_KIND_RESUME,
        image: third,
        reason: 'it is mended',
      })
      const fourth = await publish(producer, 'fedora-43', data)
      expect(await calls.get('paused')).toMatchObject({ image: fourth })
    })

    test('is no longer paused once it is set anew', async () => {
      await calls.rollBack('paused')
      expect(await calls.follow('paused', 'fedora-43')).toMatchObject({ paused: false })
      await calls.rollBack('paused', { toVersion: 1n })
      expect(await calls.set('paused', second)).toMatchObject({ follows: '', paused: false })
      await calls.follow('paused', 'fedora-43')
    })

    test('stays where it is when it is resumed and its line has nothing left', async () => {
      const image = await publish(producer, 'debian-13-vte', data)
      await calls.follow('empty', 'debian-13-vte')
      await publish(producer, 'debian-13-vte', data)
      await calls.rollBack('empty')
      await portal.sql`update image set held_back = true where role = 'vte'`
      expect(await calls.resume('empty')).toMatchObject({ image, paused: false })
    })

    test('is resumed only with the etag that it still has, if one is given', async () => {
      const { etag } = await calls.rollBack('paused')
      const stale = calls.resume('paused', { etag: '1' })
      await expect(stale).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
      await calls.resume('paused', { etag })
    })

    test('is resumed only if it is paused, and follows', async () => {
      const told = { kind: 'precondition', reason: 'WRONG_STATE' }
      await expect(calls.resume('paused')).rejects.toMatchObject({
        ...told,
        message: expect.stringContaining('is not paused'),
      })
      await calls.set('pointer', first)
      await expect(calls.resume('pointer')).rejects.toMatchObject({
        ...told,
        message: expect.stringContaining('mrg-image set alias pointer --follow LINE'),
      })
      await expect(calls.resume('nowhere')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
    })
  })
})
