import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ImageStorage } from '../../proto/gen/merge/image/v1/image.ts'
import { ResolveImageRequest } from '../../proto/gen/merge/image/v1/resolver.ts'
import { ask } from '../../testbed/program.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { archive, expire, restore, servesAll } from '../support/archiving.ts'
import { noise } from '../support/chunks.ts'
import { until } from '../support/daemon.ts'
import { publish } from '../support/images.ts'
import { clientsAs, type Clients } from '../support/portal.ts'

/** KILLS=100 takes half an hour: docs/archive.md has what came of it. */
const kills = Number(process.env['KILLS'] ?? 5)
const seed = Number(process.env['SEED'] ?? 20261128)

/** A number from 0 to 1 that the seed decides. */
function chance(i: number): number {
  return createHash('sha256').update(`${seed} ${i}`).digest().readUInt32BE() / 2 ** 32
}

const lines = ['debian-13', 'fedora-43', 'rocky-10']
const { IMAGE_STORAGE_PRESENT, IMAGE_STORAGE_ARCHIVED, IMAGE_STORAGE_EXPIRED } = ImageStorage

describe('the bytes of images are whole in one place, whenever the portal is killed', () => {
  let testbed: Testbed
  let producer: Clients
  let taken = 0
  /** The older image of each line, by its name: a part of its bytes is all of theirs. */
  let images: Map<string, Buffer>

  /** What is condemned is gone two seconds later, or not before an hour has passed. */
  async function begin(undelete: string): Promise<void> {
    testbed = await startTestbed([], {
      insecure: true,
      more: (folder) => [
        ...['--archive-dir', join(folder, 'archive'), '--undelete', undelete],
        ...['--collect-every', '1s', '--collect-grace', '0', '--scrub-every', '0'],
      ],
    })
    producer = clientsAs(testbed.portalAddress, 'producer')
    images = new Map()
    const common = noise('common', 1_500_000)
    for (const line of lines) {
      const data = Buffer.concat([common, noise(line, 2_000_000)])
      images.set(await publish(producer, line, data), data)
      await publish(producer, line, noise(`${line} newest`, 100_000))
    }
  }

  afterEach(async () => {
    producer[Symbol.dispose]()
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  const names = () => [...images.keys()]
  const get = async (name: string) => {
    const { image } = await producer.images.getImage({ name })
    if (image === undefined) throw new Error(`${name} is gone`)
    return image
  }

  /** Asks for it of all images, kills the portal at some point, and starts it again. */
  async function killDuring(
    act: (clients: Clients, name: string) => Promise<unknown>,
    mostMs: number,
  ): Promise<void> {
    const asked = Promise.allSettled(names().map((name) => act(producer, name)))
    await sleep(chance(taken++) * mostMs)
    await testbed.portal.stop('SIGKILL')
    await asked
    await testbed.restartPortal()
    await until('the portal answers', () =>
      get(names()[0] ?? '').then(
        () => true,
        () => false,
      ),
    )
  }

  /** Waits until no image moves, having asked again for what the kill kept from being asked. */
  async function settle(
    act: (clients: Clients, name: string) => Promise<unknown>,
    wanted: ImageStorage,
  ): Promise<void> {
    for (const name of names()) {
      const { storage, move } = await get(name)
      if (storage !== wanted && move === undefined) await act(producer, name)
    }
    await until('every image is where it should be', async () => {
      const all = await Promise.all(names().map(get))
      return all.every(({ storage, move }) => storage === wanted && move === undefined)
    })
  }

  async function allServed(): Promise<void> {
    for (const [name, data] of images) {
      const { image } = await producer.resolver.resolveImage(
        ResolveImageRequest.create({ reference: name }),
      )
      expect(image?.name).toBe(name)
      expect(await servesAll(producer, data)).toBe(true)
    }
  }

  /** Packs, rows and manifests of both stores, every chunk read. A pack that was written when the kill came has no rows. */
  async function nothingWrong(): Promise<void> {
    await testbed.portal.stop('SIGKILL')
    const place = ['--data', join(testbed.folder, 'portal')]
    const other = ['--archive-dir', join(testbed.folder, 'archive'), '--read']
    interface Found {
      readonly findings: readonly { readonly flaw: string }[]
    }
    const fsck = ['portal', 'fsck', ...place, ...other]
    const { findings } = await ask<Found>('merge-image', fsck, {}).catch((error: unknown) => {
      // It ends with 1 where there is something to tell.
      return JSON.parse((error as { stdout: string }).stdout) as Found
    })
    expect(findings.filter(({ flaw }) => flaw !== 'unrecorded pack')).toEqual([])
  }

  describe('with a collector at its heels', () => {
    beforeEach(() => begin('1s'), 120_000)

    test(`${kills} kills in archiving and ${kills} in restoring`, async () => {
      let moving = 0
      const round = async (act: typeof archive | typeof restore, wanted: ImageStorage) => {
        await killDuring(act, 1500)
        const left = await Promise.all(names().map(get))
        moving += left.some(({ move }) => move !== undefined) ? 1 : 0
        await settle(act, wanted)
      }
      for (let i = 0; i < kills; i++) {
        await round(archive, IMAGE_STORAGE_ARCHIVED)
        await round(restore, IMAGE_STORAGE_PRESENT)
        await allServed()
      }
      expect(moving).toBeGreaterThan(0)
      process.stdout.write(`${2 * kills} kills, ${moving} with moves under way, seed ${seed}\n`)
      await nothingWrong()
    }, 3_600_000)
  })

  describe('with an hour to bring things back', () => {
    beforeEach(() => begin('1h'), 120_000)

    test(`${kills} kills in expiry and bringing back`, async () => {
      const cut: number[] = []
      for (let i = 0; i < kills; i++) {
        await killDuring((clients, name) => expire(clients, name), 500)
        const all = await Promise.all(names().map(get))
        cut.push(all.filter(({ storage }) => storage === IMAGE_STORAGE_EXPIRED).length)
        await settle((clients, name) => expire(clients, name), IMAGE_STORAGE_EXPIRED)
        await killDuring(restore, 500)
        await settle(restore, IMAGE_STORAGE_PRESENT)
        await allServed()
      }
      process.stdout.write(`${2 * kills} kills, expired before each: ${cut.join(' ')}\n`)
      await nothingWrong()
    }, 3_600_000)
  })
})
