import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Failure } from '../../../lib/failure.ts'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { Availability, ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { newGeneration } from '../../../services/generation.ts'
import { setStanding } from '../../../services/images/queries.ts'
import type { ImageStateName } from '../../../services/images/row.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const data = randomBytes(1000)

/** A moment after everything that was done so far, and before everything that is done from now on. */
async function moment({ sql }: Portal): Promise<Date> {
  const clock = async (): Promise<Date> =>
    (await sql<{ now: Date }[]>`select clock_timestamp() as now`)[0]?.now ?? new Date(NaN)
  const time = await clock()
  while ((await clock()).getTime() <= time.getTime());
  return time
}

async function change({ sql }: Portal, name: string, state: ImageStateName): Promise<void> {
  await sql.begin(async (tx) => {
    const standing = { state, heldBack: false, replacement: null }
    await setStanding(tx, name, standing, { actor: 'test', reason: '' })
    await newGeneration(tx, { images: [name] })
  })
}

const point = ({ aliases }: Clients, alias: string, image: string) =>
  aliases.setAlias(SetAliasRequest.create({ requestId: randomUUID(), alias, image }))

describe('as of a time', () => {
  let portal: Portal
  let producer: Clients

  beforeAll(async () => {
    portal = await freshPortal()
    producer = portal.as('producer')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const resolve = (reference: string, more: Partial<ResolveImageRequest> = {}) =>
    producer.resolver.resolveImage(ResolveImageRequest.create({ reference, ...more }))

  /** The exact name that a reference means, or why it means none. */
  const outcome = (reference: string, asOf?: Date) =>
    resolve(reference, { asOf }).then(
      ({ image, warnings }) => [image?.name, image?.state, warnings.map(({ code }) => code)],
      (error: unknown) => (error instanceof Failure ? error.reason : error),
    )

  test('every reference means what it meant then, through any changes since', async () => {
    const references = ['debian-13', 'fedora', 'stable', 'debian-13, arch = aarch64', 'debian-12']
    const names: string[] = []
    const steps: (() => Promise<unknown>)[] = [
      () => Promise.resolve(),
      async () => names.push(await publish(producer, 'debian-13', data)),
      () => point(producer, 'stable', names[0] ?? ''),
      async () => names.push(await publish(producer, 'debian-13', data, false)),
      () =>
        producer.images.releaseImage({
          requestId: randomUUID(),
          name: names[1] ?? '',
          etag: '',
          reason: '',
        }),
      () => point(producer, 'stable', names[1] ?? ''),
      async () => names.push(await publish(producer, 'debian-13-aarch64', data)),
      () => change(portal, names[0] ?? '', 'deprecated'),
      () => point(producer, 'stable', names[0] ?? ''),
      () => change(portal, names[1] ?? '', 'revoked'),
      async () => names.push(await publish(producer, 'fedora-43', data)),
      () =>
        producer.aliases.deleteAlias({
          requestId: randomUUID(),
          alias: 'stable',
          etag: '',
          reason: '',
        }),
      async () => names.push(await publish(producer, 'debian-12', data)),
      () => point(producer, 'stable', names[4] ?? ''),
    ]
    const then: { readonly time: Date; readonly answers: unknown[] }[] = []
    for (const step of steps) {
      await step()
      then.push({
        time: await moment(portal),
        answers: await Promise.all(references.map((reference) => outcome(reference))),
      })
    }
    expect(new Set(then.map(({ answers }) => JSON.stringify(answers))).size).toBeGreaterThan(8)
    for (const { time, answers } of [...then, ...then.toReversed()]) {
      const again = await Promise.all(references.map((reference) => outcome(reference, time)))
      expect(again).toEqual(answers)
    }
  })

  test('the exact time of a move counts as after it, to the millisecond that is told', async () => {
    const name = await publish(producer, 'rocky-9', data)
    const { alias } = await point(producer, 'rock', name)
    const moved = alias?.updateTime
    await expect(resolve('rock', { asOf: moved })).resolves.toMatchObject({ image: { name } })
    const before = new Date((moved?.getTime() ?? 0) - 1)
    await expect(resolve('rock', { asOf: before })).rejects.toMatchObject({
      reason: 'UNKNOWN_DISTRO',
    })
  })

  test('an image is shown as it stood, under the generation that there is now', async () => {
    const name = await publish(producer, 'alma-9', data)
    const asOf = await moment(portal)
    await change(portal, name, 'deprecated')
    const now = await resolve(name)
    const past = await resolve(name, { asOf })
    expect(now.image?.state).toBe(ImageState.IMAGE_STATE_DEPRECATED)
    expect(now.warnings).toHaveLength(1)
    expect(past.image).toEqual({ ...now.image, state: ImageState.IMAGE_STATE_RELEASED })
    expect(past.warnings).toEqual([])
    expect(past.generation).toBe(now.generation)
  })

  test('the others are explained as they stood too', async () => {
    const older = await publish(producer, 'alma-10', data)
    const newer = await publish(producer, 'alma-10', data)
    const asOf = await moment(portal)
    await change(portal, newer, 'revoked')
    const rules = async (more: Partial<ResolveImageRequest>) => {
      const { image, rejected } = await resolve('alma-10', { explain: true, ...more })
      return [image?.name, rejected.find(({ rule }) => rule !== 'CLAUSE')]
    }
    expect(await rules({})).toEqual([older, expect.objectContaining({ rule: 'REVOKED' })])
    expect(await rules({ asOf })).toEqual([newer, expect.objectContaining({ rule: 'OLDER' })])
  })

  test.each([-8e15, -62_167_219_200_001, -1])('%d ms from 1970 is refused', async (ms) => {
    await expect(resolve('debian', { asOf: new Date(ms) })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'as_of' },
    })
  })

  test('a time to come is refused, and so is one together with an availability', async () => {
    const asOf = new Date(Date.now() + 60_000)
    await expect(resolve('debian', { asOf })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'as_of' },
    })
    const availability = Availability.AVAILABILITY_PREFER_PRESENT
    const both = { asOf: new Date(0), availability, facility: 'lab1' }
    await expect(resolve('debian', both)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'as_of' },
    })
  })

  test('what was kept of a time goes on holding after the words of the catalogue change', async () => {
    await publish(producer, 'kali-2026', data)
    const asOf = await moment(portal)
    await expect(resolve('kali', { asOf })).resolves.toBeDefined()
    const admin = portal.as('admin')
    await admin.catalog.putRole({ requestId: randomUUID(), role: 'forensics' })
    await expect(resolve('kali-forensics', { asOf })).rejects.toMatchObject({ reason: 'NO_MATCH' })
  })
})

test('the end of life of a release is judged at the time that is asked about', async () => {
  await using portal = await freshPortal(() => new Date('2026-11-23T12:00:00Z'))
  const producer = portal.as('producer')
  const name = await publish(producer, 'debian-11-std-x86-20260101', data)
  await portal.sql`update image_change set time = '2026-01-01T12:00:00Z'`
  const resolve = (reference: string, asOf?: string) =>
    producer.resolver.resolveImage(
      ResolveImageRequest.create({
        reference,
        asOf: asOf === undefined ? undefined : new Date(asOf),
      }),
    )
  await expect(resolve('debian')).rejects.toMatchObject({ reason: 'NO_MATCH' })
  await expect(resolve('debian', '2026-08-31T23:00:00Z')).resolves.toMatchObject({
    image: { name },
    warnings: [],
  })
  await expect(resolve('debian', '2026-09-01T00:00:00Z')).rejects.toMatchObject({
    reason: 'NO_MATCH',
  })
  await expect(resolve(name, '2026-01-01T11:59:59Z')).rejects.toMatchObject({ reason: 'NOT_FOUND' })
})
