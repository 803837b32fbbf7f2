import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { WriteOutRequest } from '../../proto/gen/merge/image/v1/local.ts'
import { ResolveImageRequest } from '../../proto/gen/merge/image/v1/resolver.ts'
import { freshAgent, pull, writeOut, type FreshAgent } from '../support/agent.ts'
import { collect } from '../support/chunks.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { temporaryFolder, type Folder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const third = 250 * 4096

/** About 3 MB, the middle third of it a hole. */
function diskWithHole(): Buffer {
  return Buffer.concat([randomBytes(third), Buffer.alloc(third), randomBytes(third)])
}

const present = ReplicaState.REPLICA_STATE_PRESENT

describe('an agent', () => {
  const disk = diskWithHole()
  const data = BigInt(2 * third)
  let portal: Portal
  let image: string
  let first: FreshAgent
  let folder: Folder

  beforeAll(async () => {
    folder = await temporaryFolder()
    portal = await freshPortal()
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2')
    image = await publish(portal.as('producer'), 'debian-13', disk)
    first = await freshAgent(portal, 'lab1')
    await pull(first, 'debian-13')
  })

  afterAll(async () => {
    await first[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  test('has what it pulled, whole, from the portal', async () => {
    const [local] = (await first.local.listLocal({})).images
    expect(local).toMatchObject({
      image: { name: image },
      replica: { image, state: present, peerBytes: 0n, error: '' },
    })
    expect(local?.replica?.portalBytes).toBe(local?.image?.storedBytes)
  })

  test('says how it stands', async () => {
    expect(await first.local.status({})).toMatchObject({
      facility: 'lab1',
      portalAddress: portal.address,
      connected: true,
      error: '',
      desiredGeneration: 1n,
      wantedCount: 1,
      presentCount: 1,
      peerAddress: first.agent.peerAddress,
    })
  })

  test('answers a pull of what is here at once, with nothing to fetch', async () => {
    const all = await collect(first.local.pull({ reference: image }))
    expect(all).toHaveLength(1)
    expect(all[0]?.local?.replica?.state).toBe(present)
  })

  test('fetches only what it does not have of a second version', async () => {
    const next = Buffer.from(disk)
    next.set(randomBytes(1000), 500_000)
    await publish(portal.as('producer'), 'debian-13', next)
    const { local, reusedBytes } = await pull(first, 'debian-13')
    const fetched = Number(local?.replica?.portalBytes)
    expect(fetched).toBeGreaterThan(0)
    expect(fetched).toBeLessThan(700_000)
    expect(Number(reusedBytes) + fetched).toBe(Number(local?.image?.storedBytes))
  })

  test('verifies what it has', async () => {
    const all = await collect(first.local.verify({ reference: image }))
    expect(all.at(-1)).toEqual({ image, doneBytes: data, totalBytes: data })
  })

  test('gives its chunks to a second one, which takes them rather than the portal’s', async () => {
    const watching = portal.as('agent:lab2').agents.watchDesiredState({ facility: 'lab2' })
    await push(portal.as('admin'), 'lab2', image)
    for await (const { images } of watching) if (images[0]?.holders.includes('lab1') === true) break
    await using second = await freshAgent(portal, 'lab2')
    const { local } = await pull(second, image)
    expect(local?.replica).toMatchObject({ state: present, portalBytes: 0n })
    expect(local?.replica?.peerBytes).toBe(local?.image?.storedBytes)
    const { servedBytes } = await first.local.status({})
    expect(servedBytes).toBe(local?.image?.storedBytes)
    await writeOut(second, image, join(folder.path, 'second'))
    expect(disk.equals(await readFile(join(folder.path, 'second')))).toBe(true)
  })

  describe('writes out', () => {
    const at = (name: string) => join(folder.path, name)

    test('a file that equals the source, with holes where it has zeros', async () => {
      const all = await writeOut(first, image, at('disk'))
      expect(all.at(-1)).toEqual({ image, doneBytes: data, totalBytes: data })
      expect(disk.equals(await readFile(at('disk')))).toBe(true)
      const { size, blocks } = await stat(at('disk'))
      expect(blocks * 512).toBeLessThan(size - 900_000)
    })

    test('no file over one that is there, unless it is asked to', async () => {
      await writeFile(at('there'), 'mine')
      await expect(writeOut(first, image, at('there'))).rejects.toMatchObject({
        kind: 'exists',
        reason: 'FILE_EXISTS',
        facts: { path: at('there') },
      })
      expect(await readFile(at('there'), 'utf8')).toBe('mine')
      await writeOut(first, image, at('there'), true)
      expect(disk.equals(await readFile(at('there')))).toBe(true)
    })

    test.each([
      ['a folder that is not there', 'none/disk', 'its directory is not there'],
      ['a file for a folder', 'file/disk', 'not a directory'],
    ])('nothing to %s', async (_, path, advice) => {
      await writeFile(at('file'), '')
      await expect(writeOut(first, image, at(path))).rejects.toMatchObject({
        kind: 'precondition',
        reason: 'UNWRITABLE',
        message: expect.stringContaining(advice),
        facts: { path: at(path) },
      })
    })

    test('nothing over a folder', async () => {
      await mkdir(at('folder'))
      await expect(writeOut(first, image, at('folder'), true)).rejects.toMatchObject({
        reason: 'UNWRITABLE',
      })
    })

    test('nothing to a path that is not absolute', async () => {
      await expect(writeOut(first, image, 'disk')).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        facts: { field: 'path' },
      })
    })

    test('nothing of a file that the image does not have', async () => {
      const request = WriteOutRequest.create({ reference: image, path: at('kernel'), kind: 2 })
      await expect(collect(first.local.writeOut(request))).rejects.toMatchObject({
        reason: 'NOT_PRESENT',
        message: expect.stringContaining('it has: rootfs'),
      })
    })

    test('and leaves nothing unfinished behind', async () => {
      const left = (await readdir(folder.path)).filter((name) => name.includes('partial'))
      expect(left).toEqual([])
    })
  })

  test.each(['debian-99', 'kali', 'debian-13.0-std-x86-20200101', ''])(
    'tells of "%s" what the portal says',
    async (reference) => {
      const request = ResolveImageRequest.create({ reference })
      const asked = portal.as('experimenter').resolver.resolveImage(request)
      const said: unknown = await asked.catch((error: unknown) => error)
      const { message, reason, kind } = said as Error & { reason: string; kind: string }
      await expect(pull(first, reference)).rejects.toMatchObject({ message, reason, kind })
    },
  )

  test('resolves among the images that are here', async () => {
    await expect(first.local.resolveLocal({ reference: 'debian-13' })).resolves.toMatchObject({
      image: { name: expect.stringContaining('debian-13.0-std-x86') },
    })
    await publish(portal.as('producer'), 'alma-9', randomBytes(1000))
    await expect(first.local.resolveLocal({ reference: 'alma-9' })).rejects.toMatchObject({
      kind: 'missing',
    })
  })

  test('gives its folder up when it stops', async () => {
    await using again = await temporaryFolder()
    const one = await freshAgent(portal, 'lab2', { data: again.path })
    await one[Symbol.asyncDispose]()
    await using two = await freshAgent(portal, 'lab2', { data: again.path })
    expect(await two.local.status({})).toMatchObject({ facility: 'lab2' })
  })
})
