import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { aliasCalls } from '../../support/aliases.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('aliases', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let images: string[]

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer')
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    const data = randomBytes(1000)
    images = await Promise.all([1, 2, 3].map(() => publish(producer, 'debian-13', data)))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const set = (alias: string, image = images[0] ?? '', more = {}, as = producer) =>
    aliasCalls(as).set(alias, image, more)

  const get = (alias: string) => aliasCalls(producer).get(alias)

  const movesOf = (name: string) =>
    portal.sql`select version, image, actor, reason from alias_move where alias = ${name} order by version`

  test('one is made and moved, and remembers who and why', async () => {
    const [first, second] = images
    await set('stable', first, { reason: 'it boots' })
    expect(await get('stable')).toMatchObject({
      name: 'stable',
      image: first,
      actor: 'producer',
      reason: 'it boots',
      etag: '1',
    })
    await set('stable', second, { reason: 'it boots faster' }, portal.as('admin'))
    expect(await get('stable')).toMatchObject({ image: second, actor: 'admin', etag: '2' })
    expect([...(await movesOf('stable'))]).toEqual([
      { version: 1, image: first, actor: 'producer', reason: 'it boots' },
      { version: 2, image: second, actor: 'admin', reason: 'it boots faster' },
    ])
  })

  test('a reason too long to be listed is refused', async () => {
    const reason = 'x'.repeat(1001)
    await expect(set('wordy', images[0], { reason })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'reason' },
    })
    await set('wordy', images[0], { reason: reason.slice(1) })
    expect((await get('wordy')).reason).toHaveLength(1000)
  })

  test('sixteen clients that compare and set lose no move', async () => {
    const made = await set('counted')
    const clients = Array.from({ length: 16 }, (_, i) => portal.as(`producer:p${i}`))
    const moves = 2
    const lost = await Promise.all(
      clients.map(async (client, i) => {
        let refused = 0
        for (let done = 0; done < moves;) {
          const { etag } = await get('counted')
          const image = images[i % images.length]
          try {
            await set('counted', image, { etag, reason: `${done}` }, client)
            done++
          } catch (error) {
            expect(error).toMatchObject({ kind: 'conflict', reason: 'ETAG_MISMATCH' })
            refused++
          }
        }
        return refused
      }),
    )
    expect(lost.reduce((sum, n) => sum + n)).toBeGreaterThan(0)
    expect(Number((await get('counted')).etag)).toBe(Number(made.etag) + 16 * moves)
    const history = await movesOf('counted')
    expect(history.map(({ version }) => version as number)).toEqual(
      Array.from({ length: 16 * moves + 1 }, (_, i) => i + 1),
    )
    expect(await get('counted')).toMatchObject({ image: history.at(-1)?.['image'] as string })
  })

  test('an etag for an alias that is not there is a mismatch', async () => {
    const made = set('absent', images[0], { etag: '1' })
    await expect(made).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
    await expect(get('absent')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
  })

  test('a request that is sent twice moves once, and its id serves no other', async () => {
    const requestId = randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => set('once', images[0], { requestId })))
    expect(answers).toEqual([answers[0], answers[0], answers[0]])
    await set('once', images[1])
    expect(await set('once', images[0], { requestId })).toEqual(answers[0])
    expect(await get('once')).toMatchObject({ image: images[1], etag: '2' })
    await expect(set('once', images[2], { requestId })).rejects.toMatchObject({
      kind: 'exists',
      reason: 'REQUEST_ID_REUSED',
      facts: { request_id: requestId },
    })
  })

  test('the id of a request that failed may be used again', async () => {
    const requestId = randomUUID()
    const failed = set('again', 'debian-13.0-std-x86-20200101', { requestId })
    await expect(failed).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    await set('again', images[0], { requestId })
    expect(await get('again')).toMatchObject({ image: images[0] })
  })

  test.each(['no uuid', '00000000-0000-0000-0000-00000000000'])(
    'a request id "%s" is refused',
    async (requestId) => {
      await expect(set('again', images[0], { requestId })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        facts: { field: 'request_id' },
      })
    },
  )

  test('one points at images of its own namespace only', async () => {
    const manager = portal.as('manager:lab1')
    const own = await publish(manager, 'lab1/debian-13', randomBytes(1000))
    await set('lab1/stable', own, {}, manager)
    const told = { reason: 'INVALID_FIELD', facts: { field: 'image' } }
    await expect(set('lab1/stable', images[0], {}, manager)).rejects.toMatchObject(told)
    await expect(set('stable', own)).rejects.toMatchObject(told)
    await expect(set('lab2/stable', own, {}, portal.as('admin'))).rejects.toMatchObject(told)
  })

  test.each([
    ['a candidate', 'state', 'candidate', 'mrg-image release'],
    ['what is revoked', 'state', 'revoked', 'point the alias at another image'],
    ['what has expired', 'storage', 'expired', 'point the alias at another image'],
  ])('one does not point at %s', async (_, column, value, advice) => {
    const name = await publish(producer, 'debian-13', randomBytes(1000))
    await portal.sql`update image set ${portal.sql(column)} = ${value} where name = ${name}`
    await expect(set('bold', name)).rejects.toMatchObject({
      kind: 'precondition',
      reason: 'WRONG_STATE',
      message: expect.stringContaining(advice),
      facts: { state: value },
    })
    await expect(get('bold')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
  })

  test('one may point at what is deprecated', async () => {
    const name = await publish(producer, 'debian-13', randomBytes(1000))
    await portal.sql`update image set state = 'deprecated' where name = ${name}`
    expect(await set('old', name)).toMatchObject({ image: name })
  })

  test('what replaces a revoked image is told', async () => {
    const name = await publish(producer, 'debian-13', randomBytes(1000))
    const [replacement = ''] = images
    await portal.sql`
      update image set state = 'revoked', replacement = ${replacement} where name = ${name}`
    await expect(set('bold', name)).rejects.toMatchObject({ facts: { replacement } })
  })

  test('one is set to an image or a line, not to both and not to neither', async () => {
    const told = { reason: 'INVALID_FIELD', facts: { field: 'image' } }
    await expect(set('both', images[0], { follow: 'debian-13' })).rejects.toMatchObject(told)
    await expect(set('neither', '')).rejects.toMatchObject(told)
  })

  test('a move that is only checked answers as if it stood, and leaves nothing', async () => {
    const [first, second] = images
    const requestId = randomUUID()
    const told = await set('planned', first, { validateOnly: true, requestId })
    expect(told).toMatchObject({ image: first, etag: '1' })
    await expect(get('planned')).rejects.toMatchObject({ reason: 'ALIAS_NOT_FOUND' })
    await set('planned', second, { requestId })
    const wrong = set('planned', 'debian-13.0-std-x86-20200101', { validateOnly: true })
    await expect(wrong).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    expect(await get('planned')).toMatchObject({ image: second, etag: '1' })
    expect(await movesOf('planned')).toHaveLength(1)
  })

  test.each(['Stable', 'debian-13.0-std-x86-20260101', '', '-x'])(
    '"%s" is no alias',
    async (name) => {
      await expect(set(name)).rejects.toMatchObject({ reason: 'INVALID_NAME' })
    },
  )

  test('they are listed by name, a namespace and a page at a time', async () => {
    const fresh = await freshPortal()
    await using _ = fresh
    const admin = fresh.as('admin')
    await makeFacilities(admin, 'lab1')
    const data = randomBytes(1000)
    const image = await publish(admin, 'debian-13', data)
    const own = await publish(admin, 'lab1/debian-13', data)
    for (const name of ['c', 'a', 'gone', 'b']) await set(name, image, {}, admin)
    await aliasCalls(admin).remove('gone')
    await set('lab1/a', own, {}, admin)
    const list = async (namespace: string, pageSize = 0, pageToken = '') => {
      const page = await admin.aliases.listAliases({ namespace, pageSize, pageToken })
      return { names: page.aliases.map(({ name }) => name), next: page.nextPageToken }
    }
    expect(await list('')).toEqual({ names: ['a', 'b', 'c', 'lab1/a'], next: '' })
    expect((await list('portal')).names).toEqual(['a', 'b', 'c'])
    expect((await list('lab1')).names).toEqual(['lab1/a'])
    const first = await list('portal', 2)
    expect(first.names).toEqual(['a', 'b'])
    expect(await list('portal', 2, first.next)).toEqual({ names: ['c'], next: '' })
    await expect(list('lab1', 2, first.next)).rejects.toMatchObject({
      facts: { field: 'page_token' },
    })
  })
})
