import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  imageNamed,
  imagesOfLine,
  inOrderOf,
  indexImages,
  noImages,
  withImages,
  type Image,
} from '../../../lib/names/images.ts'
import { parseImageName, renderImageName } from '../../../lib/names/name.ts'
import { anImage, catalogue, images } from './world.ts'

const index = indexImages(images, catalogue)

describe('an index of images', () => {
  test('finds every image by its exact name, and no other', () => {
    for (const image of images) expect(imageNamed(index, image.name)).toBe(image)
    for (const absent of ['ubuntu-2404.4-std-x86-20260310.11', 'kali-2020.1-std-x86-20200101']) {
      expect(imageNamed(index, parseImageName(absent))).toBeUndefined()
    }
  })

  test('has the images of a line newest first, by number', () => {
    const name = parseImageName('ubuntu-2404.0-std-x86-20200101')
    expect(imagesOfLine(index, name)?.map((image) => renderImageName(image.name))).toEqual([
      'ubuntu-2404.4-std-x86-20260310.10',
      'ubuntu-2404.4-std-x86-20260310.9',
      'ubuntu-2404.3-std-x86-20251219',
      'ubuntu-2404.3-std-x86-20251205',
    ])
  })

  test('knows the roles of each namespace while it has images of them', () => {
    const own = anImage('lab1/debian-13.1-mytools-x86-20260615')
    const more = withImages(noImages, catalogue, [own, anImage('debian-13.1-vte-x86-20260615')])
    expect(more.roles.get('lab1')).toEqual(new Set(['mytools']))
    expect(more.roles.get('')).toEqual(new Set(['vte']))
    const less = withImages(more, catalogue, [], [own.name])
    expect(less.roles.has('lab1')).toBe(false)
    expect(less.roles.get('')).toEqual(new Set(['vte']))
  })

  test('stays as it was when another is made of it', () => {
    const [first] = images
    if (first === undefined) throw new Error('no images')
    const revoked: Image = { ...first, state: 'revoked' }
    const after = withImages(index, catalogue, [revoked])
    expect(imageNamed(after, first.name)).toBe(revoked)
    expect(imageNamed(index, first.name)).toBe(first)
    expect(index).toEqual(indexImages(images, catalogue))
  })

  test('shares with it every line that did not change', () => {
    const newer = anImage('ubuntu-2404.4-std-x86-20260311')
    const after = withImages(index, catalogue, [newer])
    const shared = [...index.byDistro.values()].flatMap(({ lines }) => lines)
    const kept = new Set([...after.byDistro.values()].flatMap(({ lines }) => lines))
    expect(shared.filter((line) => !kept.has(line))).toHaveLength(1)
  })

  test('follows the order of another catalogue', () => {
    const turned = {
      ...catalogue,
      distros: catalogue.distros.map((distro) => ({
        ...distro,
        releases: distro.releases.toReversed(),
      })),
    }
    expect(inOrderOf(index, turned)).toEqual(indexImages(images, turned))
    expect(inOrderOf(index, turned)).not.toEqual(index)
  })

  test('is the same after any changes as one made at once', () => {
    const state = fc.constantFrom('candidate' as const, 'released' as const, 'revoked' as const)
    const changed = fc.record({ image: fc.constantFrom(...images), state, gone: fc.boolean() })
    fc.assert(
      fc.property(fc.array(fc.array(changed, { maxLength: 6 }), { maxLength: 6 }), (rounds) => {
        let followed = index
        const now = new Map(images.map((image) => [renderImageName(image.name), image]))
        for (const round of rounds) {
          const latest = new Map(round.map((one) => [renderImageName(one.image.name), one]))
          const put = [...latest.values()].filter(({ gone }) => !gone)
          const gone = [...latest.values()].filter((one) => one.gone)
          for (const [name, one] of latest) {
            if (one.gone) now.delete(name)
            else now.set(name, { ...one.image, state: one.state })
          }
          followed = withImages(
            followed,
            catalogue,
            put.map((one) => ({ ...one.image, state: one.state })),
            gone.map(({ image }) => image.name),
          )
        }
        expect(followed).toEqual(indexImages([...now.values()], catalogue))
      }),
      { numRuns: 300 },
    )
  })
})
