import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Failure } from '../../../lib/failure.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

// What releases images, and what moves aliases, all at once: nothing is lost, and nobody waits in a circle.

describe('aliases and releases at once', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let clients: Clients[]
  const data = randomBytes(1000)

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    clients = Array.from({ length: 8 }, (_, i) => portal.as(`producer:p${i}`))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const client = (i: number): Clients => {
    const found = clients[i % clients.length]
    if (found === undefined) throw new Error('there are no clients')
    return found
  }
  const calls = (i: number) => aliasCalls(client(i))
  const publishAs = (i: number, line: string, release = true) =>
    publish(client(i), line, data, release)
  const release = (name: string, i = 0) =>
    client(i).images.releaseImage({ requestId: randomUUID(), name, etag: '', reason: '' })

  /** Lets others begin while the last step of every change, which is the new generation, is held up. */
  async function heldUp(...steps: readonly (() => Promise<unknown>)[]): Promise<void> {
    const begun: Promise<unknown>[] = []
    await portal.sql.begin(async (tx) => {
      await tx`select from names for update`
      for (const step of steps) {
        begun.push(step())
        await untilWaiting(begun.length)
      }
    })
    await Promise.all(begun)
  }

  /** Resolves once so many connections wait for a lock. */
  async function untilWaiting(count: number): Promise<void> {
    for (;;) {
      const [row] = await portal.sql<{ waiting: bigint }[]>`
        select count(distinct pid) as waiting from pg_locks
        where not granted and pid in (
          select pid from pg_stat_activity where datname = current_database())`
      if (Number(row?.waiting) >= count) return
    }
  }

  test('a release that comes while an alias begins to follow is not lost', async () => {
    await publishAs(0, 'debian-13')
    const candidate = await publishAs(0, 'debian-13', false)
    await heldUp(
      () => calls(1).follow('begun', 'debian-13'),
      () => release(candidate),
    )
    expect(await calls(0).get('begun')).toMatchObject({ image: candidate, etag: '2' })
  })

  test('nor one that an alias comes upon when it begins to follow', async () => {
    const candidate = await publishAs(0, 'debian-13', false)
    await heldUp(
      () => release(candidate),
      () => calls(1).follow('late', 'debian-13'),
    )
    expect(await calls(0).get('late')).toMatchObject({ image: candidate, etag: '1' })
  })

  test('nor one that comes while an alias is resumed', async () => {
    await publishAs(0, 'debian-12')
    await calls(0).follow('resumed', 'debian-12')
    await publishAs(0, 'debian-12')
    const candidate = await publishAs(0, 'debian-12', false)
    await calls(0).rollBack('resumed')
    await heldUp(
      () => calls(1).resume('resumed'),
      () => release(candidate),
    )
    expect(await calls(0).get('resumed')).toMatchObject({ image: candidate, paused: false })
  })

  test('nor one that is published while an alias begins to follow', async () => {
    await publishAs(0, 'debian-11')
    await heldUp(
      () => calls(1).follow('published', 'debian-11'),
      () => publishAs(0, 'debian-11'),
    )
    const image = 'debian-11.0-std-x86-20260615.1'
    expect(await calls(0).get('published')).toMatchObject({ image })
  })

  test('an alias that is rolled back while its line moves it goes back from where it got', async () => {
    const first = await publishAs(0, 'rocky-9')
    await calls(0).follow('rolled', 'rocky-9')
    const second = await publishAs(0, 'rocky-9')
    const candidate = await publishAs(0, 'rocky-9', false)
    await heldUp(
      () => release(candidate),
      () => calls(1).rollBack('rolled'),
    )
    const moves = await calls(0).history('rolled')
    expect(moves.map(({ image }) => image)).toEqual([first, second, candidate, second])
    expect(await calls(0).get('rolled')).toMatchObject({ image: second, paused: true })
  })

  test('a release that waits for a rollback finds the alias paused', async () => {
    const first = await publishAs(0, 'rocky-10')
    await calls(0).follow('braked', 'rocky-10')
    await publishAs(0, 'rocky-10')
    const candidate = await publishAs(0, 'rocky-10', false)
    await heldUp(
      () => calls(1).rollBack('braked'),
      () => release(candidate),
    )
    expect(await calls(0).get('braked')).toMatchObject({ image: first, paused: true, etag: '3' })
  })

  test('what a rollback locks in vain is let go', async () => {
    const [a = '', b = '', c = ''] = await Promise.all([0, 1, 2].map((i) => publishAs(i, 'alma-9')))
    await calls(0).set('begun-again', a)
    await calls(0).set('begun-again', b)
    await heldUp(
      () => calls(0).set('begun-again', c),
      () => calls(1).rollBack('begun-again'),
    )
    expect(await calls(0).get('begun-again')).toMatchObject({ image: b })
  })

  test('nobody waits in a circle, whatever is done to aliases that change lines', async () => {
    const lines = ['fedora-43', 'fedora-44'] as const
    const first = await Promise.all(lines.map((line) => publishAs(0, line)))
    const aliases = ['x0', 'x1', 'x2', 'x3']
    for (let round = 0; round < 6; round++) {
      const candidates = await Promise.all(lines.map((line, i) => publishAs(i, line, false)))
      const moves = aliases.flatMap((alias, i) => {
        const line = lines[(round + i) % 2] ?? ''
        const image = first[(round + i + 1) % 2] ?? ''
        return [
          calls(i).rollBack(alias),
          calls(i + 1).follow(alias, line),
          calls(i + 2).resume(alias),
          calls(i + 3).set(alias, image),
          calls(i + 4).rollBack(alias),
          calls(i + 5).remove(alias),
          calls(i + 6).follow(alias, line),
          calls(i + 7).resume(alias),
        ]
      })
      const published = lines.map((line, i) => publishAs(i + 6, line))
      await mayLose([...moves, ...candidates.map(release), ...published])
      const rows = await portal.sql<{ image: string; newest: string }[]>`
        select alias.image, newest.name as newest from alias, lateral (
          select name from image
          where follows = concat_ws('-', distro, release, role, arch) and state = 'released'
          order by point desc, day desc, serial desc limit 1) as newest
        where not paused`
      for (const { image, newest } of rows) expect(image).toBe(newest)
    }
  })

  /** Each call succeeds, or finds that another came first; anything else is a defect. */
  async function mayLose(begun: readonly Promise<unknown>[]): Promise<void> {
    for (const result of await Promise.allSettled(begun)) {
      if (result.status === 'fulfilled') continue
      const error: unknown = result.reason
      const lost =
        error instanceof Failure && ['WRONG_STATE', 'ALIAS_NOT_FOUND'].includes(error.reason)
      if (!lost) throw error
    }
  }
})
