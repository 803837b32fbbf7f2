import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { AliasMoveKind } from '../../../proto/gen/merge/image/v1/alias.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const kinds = {
  set: AliasMoveKind.ALIAS_MOVE_KIND_SET,
  rollback: AliasMoveKind.ALIAS_MOVE_KIND_ROLLBACK,
  delete: AliasMoveKind.ALIAS_MOVE_KIND_DELETE,
}

describe('the history of an alias', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let calls: ReturnType<typeof aliasCalls>
  let [a, b, c] = ['', '', '']

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer')
    calls = aliasCalls(producer)
    const data = randomBytes(1000)
    ;[a = '', b = '', c = ''] = await Promise.all(
      [1, 2, 3].map(() => publish(producer, 'debian-13', data)),
    )
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  /** Sets the alias to each image in turn. */
  async function walk(alias: string, ...images: readonly string[]): Promise<void> {
    for (const image of images) await calls.set(alias, image)
  }

  const imagesOf = async (alias: string) => (await calls.history(alias)).map(({ image }) => image)

  test('says of each move how, where, who, why and when, the newest first', async () => {
    await calls.set('told', a, { reason: 'it boots' })
    await aliasCalls(portal.as('admin')).set('told', b, { reason: 'it boots faster' })
    const { updateTime } = await calls.get('told')
    const page = { alias: 'told', pageSize: 0, pageToken: '' }
    const { moves } = await producer.aliases.listAliasHistory(page)
    const [newest, oldest] = [
      { version: 2n, image: b, actor: 'admin', reason: 'it boots faster', time: updateTime },
      { version: 1n, image: a, actor: 'producer', reason: 'it boots' },
    ]
    expect(moves).toMatchObject([
      { ...newest, kind: kinds.set },
      { ...oldest, kind: kinds.set },
    ])
  })

  test('is told a page at a time, though the alias moves in between', async () => {
    await walk('long', a, b, a, b, a)
    const read = (pageToken: string, alias = 'long') =>
      producer.aliases.listAliasHistory({ alias, pageSize: 2, pageToken })
    const pages = []
    for (let token = '', first = true; first || token !== ''; first = false) {
      const { moves, nextPageToken } = await read(token)
      pages.push(moves.map(({ version }) => Number(version)))
      token = nextPageToken
      await calls.set('long', c)
    }
    expect(pages).toEqual([[5, 4], [3, 2], [1]])
    const { nextPageToken } = await read('')
    await calls.set('longer', a)
    await expect(read(nextPageToken, 'longer')).rejects.toMatchObject({
      facts: { field: 'page_token' },
    })
  })

  test('has later times for later moves, also when many move it at once', async () => {
    const clients = Array.from({ length: 8 }, (_, i) => aliasCalls(portal.as(`producer:t${i}`)))
    await Promise.all(clients.flatMap((each) => [a, b, c].map((image) => each.set('timed', image))))
    const rows = await portal.sql<{ time: string }[]>`
      select time::text as time from alias_move where alias = 'timed' order by version`
    const times = rows.map(({ time }) => time)
    expect(times).toHaveLength(24)
    expect(new Set(times).size).toBe(24)
    expect([...times].sort()).toEqual(times)
  })

  test('is kept where there never was an alias, as nothing', async () => {
    await expect(calls.history('never')).rejects.toMatchObject({
      kind: 'missing',
      reason: 'ALIAS_NOT_FOUND',
      facts: { alias: 'never' },
    })
  })

  describe('leads back', () => {
    test('to the image before the present one', async () => {
      await walk('back', a, a, b, b)
      const rolled = await calls.rollBack('back', { reason: 'b does not boot' })
      expect(rolled).toMatchObject({ image: a, etag: '5', actor: 'producer', paused: false })
      expect((await calls.history('back')).at(-1)).toMatchObject({
        kind: kinds.rollback,
        image: a,
        reason: 'b does not boot',
      })
    })

    test('and forth again, for who rolls a rollback back', async () => {
      await walk('forth', a, b, c)
      expect(await calls.rollBack('forth')).toMatchObject({ image: b })
      expect(await calls.rollBack('forth')).toMatchObject({ image: c })
      expect(await imagesOf('forth')).toEqual([a, b, c, b, c])
    })

    test('to any move that is named', async () => {
      await walk('named', a, b, c)
      expect(await calls.rollBack('named', { toVersion: 1n })).toMatchObject({ image: a })
      expect(await calls.rollBack('named', { toVersion: 4n })).toMatchObject({ image: a })
    })

    test.each([9n, 2n ** 64n - 1n])(
      'not to a move that it does not have: %s',
      async (toVersion) => {
        await calls.set('few', a)
        await expect(calls.rollBack('few', { toVersion })).rejects.toMatchObject({
          kind: 'invalid',
          reason: 'INVALID_FIELD',
          message: expect.stringContaining('mrg-image history few'),
          facts: { field: 'to_version' },
        })
      },
    )

    test('not to a deletion, but to what was before it', async () => {
      await calls.set('reborn', a)
      await calls.remove('reborn')
      await calls.set('reborn', b)
      await expect(calls.rollBack('reborn', { toVersion: 2n })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        message: expect.stringContaining('deleted'),
      })
      expect(await calls.rollBack('reborn')).toMatchObject({ image: a })
    })

    test('nowhere, where there was one image only', async () => {
      await walk('single', a, a)
      await expect(calls.rollBack('single')).rejects.toMatchObject({
        kind: 'precondition',
        reason: 'WRONG_STATE',
        message: expect.stringContaining('nothing to roll it back to'),
      })
    })

    test.each([
      ['revoked', 'state'],
      ['expired', 'storage'],
    ])('not to an image that is %s since', async (value, column) => {
      const alias = `was-${value}`
      const bad = await publish(producer, 'debian-12', randomBytes(1000))
      await walk(alias, a, bad, b)
      await portal.sql`update image set ${portal.sql(column)} = ${value} where name = ${bad}`
      await expect(calls.rollBack(alias)).rejects.toMatchObject({
        kind: 'precondition',
        reason: 'WRONG_STATE',
        message: expect.stringMatching(new RegExp(`--to.*mrg-image history ${alias}`)),
        facts: { state: value },
      })
      expect(await calls.rollBack(alias, { toVersion: 1n })).toMatchObject({ image: a })
    })

    test('only with the etag that the alias still has, if one is given', async () => {
      await walk('guarded', a, b)
      const stale = calls.rollBack('guarded', { etag: '1' })
      await expect(stale).rejects.toMatchObject({ kind: 'conflict', reason: 'ETAG_MISMATCH' })
      expect(await calls.rollBack('guarded', { etag: '2' })).toMatchObject({ image: a })
    })

    test('once for a request that is sent twice', async () => {
      await walk('once', a, b)
      const requestId = randomUUID()
      const first = await calls.rollBack('once', { requestId })
      expect(await calls.rollBack('once', { requestId })).toEqual(first)
      expect(await imagesOf('once')).toEqual([a, b, a])
    })

    test('on trial, without going', async () => {
      await walk('trial', a, b)
      expect(await calls.rollBack('trial', { validateOnly: true })).toMatchObject({ image: a })
      expect(await calls.get('trial')).toMatchObject({ image: b, etag: '2' })
    })

    test('to where it is, when others move it in the same moment', async () => {
      await walk('busy', a, b, c)
      const others = [a, b, c, a, b, c].map((image) => calls.set('busy', image))
      const rolls = Array.from({ length: 6 }, () => calls.rollBack('busy'))
      await Promise.all([...others, ...rolls])
      const moves = await calls.history('busy')
      expect(moves).toHaveLength(15)
      moves.forEach(({ kind, image }, i) => {
        if (kind !== kinds.rollback) return
        const present = moves[i - 1]?.image
        const before = moves.slice(0, i).findLast((move) => move.image !== present)
        expect(image).toBe(before?.image)
      })
    })
  })

  describe('of one that is deleted', () => {
    test('stays, and goes on when it is made again', async () => {
      await calls.set('phoenix', a)
      await calls.remove('phoenix', { reason: 'the course is over' })
      await expect(calls.get('phoenix')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
      expect(await calls.set('phoenix', b)).toMatchObject({ etag: '3' })
      const told = { kind: kinds.delete, image: '', reason: 'the course is over' }
      expect(await calls.history('phoenix')).toMatchObject([
        { version: 1n, image: a },
        { version: 2n, ...told },
        { version: 3n, image: b },
      ])
    })

    test('is all that can be had of it', async () => {
      await calls.set('gone', a)
      await calls.remove('gone')
      const told = {
        kind: 'missing',
        reason: 'ALIAS_NOT_FOUND',
        message: expect.stringContaining('mrg-image history gone'),
      }
      await expect(calls.get('gone')).rejects.toMatchObject(told)
      await expect(calls.rollBack('gone')).rejects.toMatchObject(told)
      await expect(calls.resume('gone')).rejects.toMatchObject(told)
      await expect(calls.remove('gone')).rejects.toMatchObject(told)
      const made = calls.set('gone', a, { etag: '2' })
      await expect(made).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
      expect(await imagesOf('gone')).toEqual([a, ''])
    })

    test('ends only with the etag that it still had, if one was given', async () => {
      await walk('kept', a, b)
      const stale = calls.remove('kept', { etag: '1' })
      await expect(stale).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
      await calls.remove('kept', { etag: '2' })
    })
  })
})
