import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readPackIndex } from '../../lib/chunks/pack.ts'
import { type Digest, joinDigests } from '../../lib/content/digest.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { freshAgent, pull, writeOut } from '../support/agent.ts'
import { chunksOf, collect, digestsOf, noise } from '../support/chunks.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, publish } from '../support/images.ts'
import { fetchRight } from '../support/overlapping.ts'
import { freshPortal } from '../support/portal.ts'
import { flip } from '../support/shelf.ts'

const data = noise('integrity', 2_000_000)
const digests = chunkDigests(manifestOf(data))
const flags = ['--scrub-every', '0', '--collect-every', '0']

describe('integrity, asked of a portal and of an agent', () => {
  let stack: AsyncDisposableStack
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let agent: Awaited<ReturnType<typeof freshAgent>>
  let image: string

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    portal = stack.use(await freshPortal(undefined, undefined, flags))
    await makeFacilities(portal.as('admin'), 'lab1')
    image = await publish(portal.as('producer'), 'debian-12', data)
    agent = stack.use(await freshAgent(portal, 'lab1', { flags }))
    await pull(agent, image)
  })

  afterEach(() => stack.disposeAsync())

  const sides = () => [
    { integrity: portal.as('admin').integrity, packs: join(portal.folder, 'portal/chunks/packs') },
    { integrity: agent.integrity, packs: join(agent.data, 'chunks/packs') },
  ]

  const peerKnown = async () => {
    while ((await portal.sql`select from facility where peer_address <> ''`).length === 0) {
      await sleep(10)
    }
  }

  test('is whole at first: a pass tells how far it is, and its report last', async () => {
    for (const { integrity } of sides()) {
      expect(await integrity.getIntegrity({})).toMatchObject({
        lastPass: undefined,
        currentPass: undefined,
        damagedChunks: 0n,
        images: [],
      })
      const steps = await collect(integrity.scrub({}))
      const { report } = steps.at(-1) ?? {}
      expect(report).toMatchObject({ packs: 1n, damagedChunks: 0n, leftChunks: 0n })
      expect(steps.at(-2)?.progress).toMatchObject({ donePacks: 1n, totalPacks: 1n })
      expect(steps.slice(0, -1).every((step) => step.report === undefined)).toBe(true)
      expect(await integrity.getIntegrity({})).toMatchObject({ lastPass: report })
    }
  })

  test('names the images that need what is damaged, and is mended by the other side', async () => {
    const [atPortal, atAgent] = sides()
    if (atPortal === undefined || atAgent === undefined) throw new Error('two sides')
    for (const { packs } of [atPortal, atAgent]) {
      const [name = ''] = await readdir(packs)
      await flipChunk(join(packs, name), digests[0])
    }
    // Both are damaged in the same chunk, and neither can help the other.
    for (const { integrity } of [atAgent, atPortal]) {
      const { report } = (await collect(integrity.scrub({}))).at(-1) ?? {}
      expect(report).toMatchObject({ repairedChunks: 0n, leftChunks: 1n })
      expect(await integrity.getIntegrity({})).toMatchObject({
        damagedChunks: 1n,
        images: [image],
        imageCount: 1,
      })
    }
    // The same file is published again.
    expect(await publish(portal.as('producer'), 'debian-12', data)).not.toBe('')
    for (const { integrity } of [atPortal, atAgent]) {
      expect((await collect(integrity.scrub({}))).at(-1)?.report).toMatchObject({ leftChunks: 0n })
      expect(await integrity.getIntegrity({})).toMatchObject({ damagedChunks: 0n, images: [] })
    }
    expect(await fetchRight(portal.as('producer'), digests)).toBe(new Set(digests).size)
    await using folder = await temporaryFolder()
    await writeOut(agent, image, join(folder.path, 'disk'))
    expect(data.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
  })

  test('the portal gets from an agent what it has lost', async () => {
    const [atPortal] = sides()
    const [name = ''] = await readdir(atPortal?.packs ?? '')
    await flip(join(atPortal?.packs ?? '', name), 100)
    await peerKnown()
    const { report } = (await collect(portal.as('admin').integrity.scrub({}))).at(-1) ?? {}
    expect(report).toMatchObject({ damagedChunks: 1n, repairedChunks: 1n, leftChunks: 0n })
    expect(await fetchRight(portal.as('producer'), digests)).toBe(new Set(digests).size)
  })

  test('a chunk that somebody says is wrong is looked at with its pack, and nothing is believed', async () => {
    const [atPortal] = sides()
    const [name = ''] = await readdir(atPortal?.packs ?? '')
    await peerKnown()
    const { integrity } = portal.as('agent:lab1')
    const unknown = digestsOf(chunksOf('unknown', 1))
    await integrity.checkChunks({ digests: joinDigests([...digests.slice(0, 9), ...unknown]) })
    expect(await portal.as('admin').integrity.getIntegrity({})).toMatchObject({ damagedChunks: 0n })
    for (const at of [100, 1_000_000]) await flip(join(atPortal?.packs ?? '', name), at)
    const [first] = await portal.sql<{ digest: Buffer }[]>`
      select digest from chunk order by position limit 1`
    await integrity.checkChunks({ digests: first?.digest ?? Buffer.alloc(0) })
    expect(await portal.sql`select from damage`).toHaveLength(2)
    expect(await fetchRight(portal.as('producer'), digests)).toBe(new Set(digests).size)
    const many = joinDigests(digestsOf(chunksOf('many', 65)))
    await expect(integrity.checkChunks({ digests: many })).rejects.toMatchObject({
      reason: 'INVALID_CHUNK',
    })
  })

  test('an agent that is sent wrong bytes has the portal look, and gets good ones once there are any', async () => {
    const other = noise('sent wrong', 1_000_000)
    const sent = await publish(portal.as('producer'), 'debian-13', other)
    const packs = join(portal.folder, 'portal/chunks/packs')
    const [name = ''] = (await readdir(packs)).sort().slice(-1)
    await flip(join(packs, name), 100)
    await expect(pull(agent, sent)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
    while ((await portal.sql`select from damage`).length === 0) await sleep(10)
    await publish(portal.as('producer'), 'debian-13', other)
    while ((await pull(agent, sent).catch(() => undefined)) === undefined) await sleep(100)
    await using folder = await temporaryFolder()
    await writeOut(agent, sent, join(folder.path, 'disk'))
    expect(other.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
  })
})

/** Flips a bit of this chunk, wherever it lies in the pack. */
async function flipChunk(path: string, digest: Digest | undefined): Promise<void> {
  const pack = await readFile(path)
  const read = (offset: number, length: number) =>
    Promise.resolve(pack.subarray(offset, offset + length))
  const entries = await readPackIndex(read, pack.length)
  const place = entries.find((entry) => entry.digest === digest)
  if (place === undefined) throw new Error(`${digest ?? ''} is not in ${path}`)
  await flip(path, place.offset + 10)
}
