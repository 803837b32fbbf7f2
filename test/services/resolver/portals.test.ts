import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const data = randomBytes(1000)

const resolve = ({ resolver }: Clients, reference: string) =>
  resolver.resolveImage(ResolveImageRequest.create({ reference }))

const point = ({ aliases }: Clients, alias: string, image: string) =>
  aliases.setAlias(SetAliasRequest.create({ requestId: randomUUID(), alias, image }))

test('what one portal acknowledged is known to another on the same database, whoever else asks', async () => {
  await using first = await freshPortal()
  await using second = await freshPortal(undefined, first.database)
  const writers = [first.as('producer'), second.as('producer')]
  const [one, two] = writers
  if (one === undefined || two === undefined) throw new Error('no portals')
  const images = [await publish(one, 'debian-13', data), await publish(two, 'debian-13', data)]
  let over = false as boolean
  const crowd = [first, second].flatMap((portal) =>
    Array.from({ length: 4 }, async () => {
      const reader = portal.as('experimenter')
      while (!over) await resolve(reader, 'debian-13')
    }),
  )
  let latest = 0n
  for (let round = 0; round < 20; round++) {
    const image = images[round % 2] ?? ''
    await point(round % 3 === 0 ? two : one, 'newest', image)
    const answers = await Promise.all(writers.map((client) => resolve(client, 'newest')))
    for (const { image: meant, generation } of answers) {
      expect(meant?.name).toBe(image)
      expect(generation).toBeGreaterThan(latest)
    }
    latest = answers[0]?.generation ?? 0n
  }
  over = true
  await Promise.all(crowd)
})

test('an image that changes is told as it is now, by every portal that knew it before', async () => {
  await using first = await freshPortal()
  await using second = await freshPortal(undefined, first.database)
  const [writer, reader] = [first.as('producer'), second.as('producer')]
  const name = await publish(writer, 'debian-13', data, false)
  const before = (await resolve(reader, name)).image
  await writer.images.releaseImage({
    requestId: randomUUID(),
    name,
    etag: before?.etag ?? '',
    reason: '',
  })
  const { image } = await resolve(reader, name)
  expect(image).toEqual((await writer.images.getImage({ name })).image)
  expect(image?.etag).not.toBe(before?.etag)
})

test('an alias that moves back and forth is never seen at an image that it did not point at', async () => {
  await using portal = await freshPortal()
  const writer = portal.as('producer')
  const images = await Promise.all([1, 2, 3].map(() => publish(writer, 'debian-13', data)))
  await point(writer, 'moving', images[0] ?? '')
  let over = false as boolean
  let before = 0n
  const mover = (async () => {
    for (let i = 1; i < 40; i++) await point(writer, 'moving', images[i % 2] ?? '')
    over = true
  })()
  const reader = portal.as('experimenter')
  while (!over) {
    const { image, generation } = await resolve(reader, 'moving')
    expect(images.slice(0, 2)).toContain(image?.name)
    expect(generation).toBeGreaterThanOrEqual(before)
    before = generation
  }
  await mover
})
