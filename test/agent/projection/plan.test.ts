import { describe, expect, test } from '@jest/globals'
import { planProjection, wantedOf, type Shown, type Wish } from '../../../agent/projection/plan.ts'

const rootfs = { kind: 'rootfs', boot: 'bios' } as const
const image = (name: string, more: Partial<Shown> = {}): Shown => ({
  ...{ name, digest: `sha256:${name}`, files: [rootfs], isRevoked: false },
  ...more,
})
const wish = (aliases: Record<string, string> = {}, more: Partial<Wish> = {}): Wish => ({
  ...{ template: '{boot}/{name}-{file}', form: 'raw' },
  aliases: new Map(Object.entries(aliases)),
  ...more,
})
const laidOf = (images: readonly Shown[], given: Wish, token = 'a file') =>
  [...wantedOf(images, given).values()].map((wanted) => ({ ...wanted, token }))
const keys = (images: readonly Shown[], given = wish()) => [...wantedOf(images, given).keys()]

describe('what is wanted', () => {
  test('is every file of every image, under its exact name', () => {
    const files = [rootfs, { kind: 'kernel', boot: 'any' } as const]
    expect(keys([image('a', { files }), image('b')])).toEqual([
      'bios/a-rootfs',
      'bios/a-kernel',
      'efi/a-kernel',
      'bios/b-rootfs',
    ])
  })

  test('is the same under each alias that points at an image that is here', () => {
    expect(keys([image('a')], wish({ stable: 'a', next: 'b' }))).toEqual([
      'bios/a-rootfs',
      'bios/stable-rootfs',
    ])
  })

  test('is no alias of a revoked image, and still its exact name', () => {
    const revoked = image('a', { isRevoked: true })
    expect(keys([revoked], wish({ stable: 'a' }))).toEqual(['bios/a-rootfs'])
  })

  test('is the first of two files where the layout tells them not apart', () => {
    const files = [rootfs, { kind: 'rootfs', boot: 'efi' } as const]
    const wanted = wantedOf([image('a', { files })], wish({}, { template: '{name}-{file}' }))
    expect([...wanted.values()]).toMatchObject([{ key: 'a-rootfs', file: rootfs }])
  })
})

describe('a plan', () => {
  test('does nothing where all lies as it is wanted', () => {
    const images = [image('a'), image('b')]
    const given = wish({ stable: 'b' })
    expect(planProjection(images, given, laidOf(images, given))).toEqual({ puts: [], removals: [] })
  })

  test('lays out what came, and takes away what went', () => {
    const plan = planProjection([image('b')], wish(), laidOf([image('a')], wish()))
    expect(plan).toMatchObject({ puts: [{ key: 'bios/b-rootfs' }], removals: ['bios/a-rootfs'] })
  })

  test('lays out again what may lie there or not, and takes it away where nobody wants it', () => {
    const begun = laidOf([image('a'), image('b')], wish(), '')
    const plan = planProjection([image('b')], wish(), begun)
    expect(plan).toMatchObject({ puts: [{ key: 'bios/b-rootfs' }], removals: ['bios/a-rootfs'] })
  })

  test('replaces what lies under an alias that moved', () => {
    const images = [image('a'), image('b')]
    const plan = planProjection(images, wish({ it: 'b' }), laidOf(images, wish({ it: 'a' })))
    expect(plan).toMatchObject({ puts: [{ key: 'bios/it-rootfs', image: 'b' }], removals: [] })
  })

  test('leaves an alias as it is while its new image is on its way, even if the old one has gone', () => {
    const laid = laidOf([image('a')], wish({ it: 'a' }))
    expect(planProjection([], wish({ it: 'b' }), laid)).toEqual({
      puts: [],
      removals: ['bios/a-rootfs'],
    })
  })

  test('leaves an alias that is asked for by its name where it points elsewhere now, unless that is revoked', () => {
    const laid = laidOf([image('a')], wish({ it: 'a' }))
    const named = wish({}, { named: new Set(['it']) })
    expect(planProjection([image('a')], named, laid).removals).toEqual([])
    expect(planProjection([], named, laid).removals).toEqual(['bios/a-rootfs'])
    const revoked = [image('a', { isRevoked: true })]
    expect(planProjection(revoked, named, laid).removals).toEqual(['bios/it-rootfs'])
    expect(planProjection(revoked, wish({ it: 'b' }), laid).removals).toEqual(['bios/it-rootfs'])
  })

  test('takes an alias away that is none any more', () => {
    const laid = laidOf([image('a')], wish({ it: 'a' }))
    const plan = planProjection([image('a')], wish(), laid)
    expect(plan).toEqual({ puts: [], removals: ['bios/it-rootfs'] })
  })

  test('takes nothing away of a name that lacks something, as when the layout is another', () => {
    const laid = laidOf([image('a'), image('gone')], wish())
    const other = wish({}, { template: '{name}/{file}' })
    expect(planProjection([image('a')], other, laid)).toMatchObject({
      puts: [{ key: 'a/rootfs' }],
      removals: ['bios/gone-rootfs'],
    })
  })

  test('makes a file anew that is to lie there in another form', () => {
    const laid = laidOf([image('a')], wish())
    const plan = planProjection([image('a')], wish({}, { form: 'zstd' }), laid)
    expect(plan).toMatchObject({ puts: [{ key: 'bios/a-rootfs', form: 'zstd' }], removals: [] })
  })
})
