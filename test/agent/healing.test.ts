import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freshAgent, pull, writeOut } from '../support/agent.ts'
import { collect, noise } from '../support/chunks.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { flip } from '../support/shelf.ts'

const data = noise('healing', 3_000_000)
// Nothing is found or mended but by the reads themselves.
const flags = ['--scrub-every', '0', '--collect-every', '0']

describe('an image of which a bit has flipped at an agent', () => {
  let stack: AsyncDisposableStack
  let agent: Awaited<ReturnType<typeof freshAgent>>
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let image: string

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    portal = stack.use(await freshPortal(undefined, undefined, flags))
    await makeFacilities(portal.as('admin'), 'lab1')
    image = await publish(portal.as('producer'), 'debian-12', data)
    agent = stack.use(await freshAgent(portal, 'lab1', { flags }))
    await pull(agent, image)
    for (const pack of await packs()) {
      await flip(pack, 100)
      await flip(pack, 1_500_000)
    }
  })

  afterEach(() => stack.disposeAsync())

  const packs = async () => {
    const folder = join(agent.data, 'chunks/packs')
    return (await readdir(folder)).map((name) => join(folder, name))
  }

  test('is written out right, with chunks that the portal gives again', async () => {
    const path = join(agent.data, 'disk')
    const steps = await writeOut(agent, image, path)
    expect(data.equals(await readFile(path))).toBe(true)
    expect(steps.at(-1)?.doneBytes).toBe(BigInt(data.length))
    expect(await agent.recorder.line('a read met damage')).toMatchObject({ repaired: 2, left: 0 })
    expect(await agent.integrity.getIntegrity({})).toMatchObject({ damagedChunks: 0n })
  })

  test('is verified once these are there', async () => {
    await collect(agent.local.verify({ reference: image }))
    expect(await agent.recorder.line('a read met damage')).toMatchObject({ repaired: 2, left: 0 })
  })

  test('is not written out where nobody has them, and which image that is can be asked', async () => {
    await portal.sql`truncate chunk, pack, manifest_chunk, damage`
    const path = join(agent.data, 'disk')
    await expect(writeOut(agent, image, path)).rejects.toMatchObject({
      reason: 'CHUNK_CORRUPT',
      message: expect.stringContaining('2 stored chunks are damaged'),
    })
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await agent.integrity.getIntegrity({})).toMatchObject({
      damagedChunks: 2n,
      images: [image],
    })
    await rm(path, { force: true })
  })
})
