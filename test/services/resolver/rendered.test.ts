import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { imageNamed, type Image } from '../../../lib/names/images.ts'
import { parseImageName } from '../../../lib/names/name.ts'
import { renderedImages } from '../../../services/resolver/rendered.ts'
import { followWorld } from '../../../services/resolver/snapshot.ts'
import { decodeImage } from '../../../services/resolver/wire.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
let names: readonly string[]

beforeAll(async () => {
  portal = await freshPortal()
  const producer = portal.as('producer')
  const data = randomBytes(1000)
  names = await Promise.all(['debian-13', 'fedora-43'].map((one) => publish(producer, one, data)))
})

afterAll(() => portal[Symbol.asyncDispose]())

async function knownImages() {
  const { world } = await followWorld(portal.sql)()
  const images = names.flatMap((name) => imageNamed(world.images, parseImageName(name)) ?? [])
  return { images, catalogue: world.catalogue }
}

test('an image is rendered as GetImage tells it, and kept', async () => {
  const { images, catalogue } = await knownImages()
  const rendered = renderedImages(portal.sql)
  const first = await Promise.all(images.map(async (image) => rendered(image, catalogue)))
  const told = names.map(async (name) => {
    const { image } = await portal.as('experimenter').images.getImage({ name })
    return image
  })
  expect(first.map(decodeImage)).toEqual(await Promise.all(told))
  for (const [i, image] of images.entries()) {
    expect(await rendered(image, catalogue)).toBe(first[i])
  }
})

test('what is wanted in one turn is read in one query', async () => {
  const { images, catalogue } = await knownImages()
  let queries = 0
  const counting = new Proxy(portal.sql, {
    apply(sql, self, args) {
      const [head] = args as [{ raw?: unknown }]
      const query: unknown = Reflect.apply(sql, self, args)
      if (head.raw !== undefined && String(args[0]).includes('any(')) queries++
      return query
    },
  })
  const rendered = renderedImages(counting)
  await Promise.all([...images, ...images].map(async (image) => rendered(image, catalogue)))
  expect(queries).toBe(1)
})

test('another catalogue shows it by its own words', async () => {
  const { images, catalogue } = await knownImages()
  const rendered = renderedImages(portal.sql)
  const [image] = images
  if (image === undefined) throw new Error('no image')
  expect(decodeImage(await rendered(image, catalogue))?.displayName).toBe('Debian 13 (Trixie)')
  const distros = catalogue.distros.map((distro) => ({ ...distro, display: 'Other' }))
  const other = await rendered(image, { ...catalogue, distros })
  expect(decodeImage(other)?.displayName).toBe('Other 13 (Trixie)')
})

test('a reading that failed is tried again', async () => {
  const { images, catalogue } = await knownImages()
  const rendered = renderedImages(portal.sql)
  const [image] = images
  if (image === undefined) throw new Error('no image')
  const absent: Image = { ...image, name: { ...image.name, point: 9 } }
  await expect(rendered(absent, catalogue)).rejects.toThrow('has no row')
  await portal.sql`alter table artifact rename to elsewhere`
  await expect(rendered(image, catalogue)).rejects.toThrow('artifact')
  await portal.sql`alter table elsewhere rename to artifact`
  expect(decodeImage(await rendered(image, catalogue))?.name).toBe(names[0])
})
