import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { CreateHoldsRequest, HolderKind, HoldKind } from '../../../proto/gen/merge/image/v1/hold.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { publish, restate } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const now = new Date('2026-06-15T12:00:00Z')

describe('who needs an image', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => now)
    admin = portal.as('admin')
    await makeFacilities(admin, 'lab1', 'lab2')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const make = (target: string) => publish(admin, target, randomBytes(100))
  /** An image that is not the newest of its line, and the newest one. */
  const pair = async (line: string) => [await make(line), await make(line)] as const
  const holders = (image: string, pageToken = '', pageSize = 0) =>
    admin.holds.listHolders({ image, pageSize, pageToken })
  const told = async (image: string) =>
    (await holders(image)).holders.map(({ kind, name, message }) => [kind, name, message])
  const point = (alias: string, image: string) =>
    admin.aliases.setAlias(SetAliasRequest.create({ requestId: randomUUID(), alias, image }))
  const hold = async (image: string, reason: string) => {
    const request = CreateHoldsRequest.create({
      ...{ requestId: randomUUID(), images: [image], reason },
      kind: HoldKind.HOLD_KIND_ARTIFACT,
    })
    return (await admin.holds.createHolds(request)).holds[0]
  }

  test('is nobody where there is nobody', async () => {
    const [older] = await pair('debian-13')
    expect(await holders(older)).toEqual({ holders: [], nextPageToken: '', holdCount: 0n })
  })

  test('is its line, where it is the newest that is to be used', async () => {
    const [older, newer] = await pair('debian-12')
    const line = 'debian-12-std-x86'
    const message = `It is the newest released image of ${line}.`
    expect(await told(newer)).toEqual([[HolderKind.HOLDER_KIND_LINE, line, message]])
    await restate(portal.sql, newer, { state: 'deprecated' })
    expect(await told(older)).toEqual([[HolderKind.HOLDER_KIND_LINE, line, message]])
    expect(await told(newer)).toEqual([])
  })

  test('is an alias that points at it, and one that goes back there', async () => {
    const [older, newer] = await pair('fedora-43')
    await point('now', older)
    await point('back', older)
    await point('back', newer)
    const found = await told(older)
    expect(found).toEqual([
      [HolderKind.HOLDER_KIND_ALIAS, 'now', 'The alias now points at it.'],
      [HolderKind.HOLDER_KIND_ALIAS, 'back', expect.stringContaining('a roll-back leads there')],
    ])
    await point('back', older)
    await point('back', await make('fedora-44'))
    await point('now', newer)
    // Now `back` goes back to the older one still, and so does `now`.
    expect((await told(older)).map(([, name]) => name)).toEqual(['back', 'now'])
  })

  test('is a facility that should have it, that fetches it, or that used it lately', async () => {
    const [older] = await pair('rocky-9')
    await push(admin, 'lab1', older)
    const lately = new Date('2026-06-01T12:00:00Z')
    const longAgo = new Date('2026-05-01T12:00:00Z')
    for (const [facility, state, used] of [
      ['lab1', 2, longAgo],
      ['lab2', 3, lately],
    ] as const) {
      await portal.sql`
        insert into replica (facility, image, state, total_bytes, peer_bytes, portal_bytes, error)
        values (${facility}, ${older}, ${state}, 0, 0, 0, '')`
      await portal.sql`
        insert into image_use (facility, image, time) values (${facility}, ${older}, ${used})`
    }
    expect(await told(older)).toEqual([
      [HolderKind.HOLDER_KIND_FACILITY, 'lab1', 'lab1 should have it.'],
      [HolderKind.HOLDER_KIND_TRANSFER, 'lab1', 'lab1 fetches it.'],
      [HolderKind.HOLDER_KIND_USE, 'lab2', 'lab2 used it on 2026-06-01.'],
    ])
  })

  test('is what was made of it, as far as that is needed', async () => {
    const [parent] = await pair('rocky-10')
    const [child] = await pair('alma-9')
    const [grandchild] = await pair('alma-10')
    await portal.sql`update image set parent = ${parent} where name = ${child}`
    await portal.sql`update image set parent = ${child} where name = ${grandchild}`
    expect(await told(parent)).toEqual([])
    await hold(grandchild, 'a paper')
    const needed = `${grandchild}, which was made of it, is needed.`
    expect(await told(parent)).toEqual([[HolderKind.HOLDER_KIND_DESCENDANT, grandchild, needed]])
    await restate(portal.sql, child, { storage: 'expired' })
    expect(await told(parent)).toEqual([])
  })

  test('are those who hold it, after the others, page after page', async () => {
    const [older] = await pair('kali-2026')
    await point('course', older)
    const holds = [await hold(older, 'one'), await hold(older, 'two'), await hold(older, 'three')]
    const ended = await hold(older, 'four')
    const which = { $case: 'hold', value: ended?.id ?? '' } as const
    await admin.holds.releaseHolds({ requestId: randomUUID(), which })
    const first = await holders(older, '', 2)
    const rest = await holders(older, first.nextPageToken, 2)
    expect([first.holdCount, rest.holdCount, rest.nextPageToken]).toEqual([3n, 3n, ''])
    const [alias, ...held] = [...first.holders, ...rest.holders]
    expect(alias?.name).toBe('course')
    const newestFirst = holds.toSorted((a, b) => ((a?.id ?? '') < (b?.id ?? '') ? 1 : -1))
    expect(held.map((one) => one.hold)).toEqual(newestFirst)
    const reasons = held.map(({ message }) => message)
    expect(reasons).toContain('admin holds it (artifact): one.')
  })

  test('is not asked of an image that is not there', async () => {
    const absent = 'debian-13.0-std-x86-20000101'
    await expect(holders(absent)).rejects.toMatchObject({ reason: 'NOT_FOUND' })
    await expect(holders('debian')).rejects.toMatchObject({ reason: 'INVALID_NAME' })
  })
})
