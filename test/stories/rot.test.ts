import { expect, test } from '@jest/globals'
import { open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Digest } from '../../lib/content/digest.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { freshAgent, pull, writeOut, type FreshAgent } from '../support/agent.ts'
import { collect, noise } from '../support/chunks.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, publish } from '../support/images.ts'
import { chancesOf, fetchRight } from '../support/overlapping.ts'
import { freshPortal } from '../support/portal.ts'

const seed = process.env['SEED'] ?? '20261124'
const flips = Number(process.env['FLIPS'] ?? 1000)
const flags = ['--scrub-every', '20ms', '--scrub-rate', '1000000000', '--collect-every', '50ms']

test(`${flips} bits that flip at an agent and at its portal are found, repaired and never served`, async () => {
  const chance = chancesOf(seed)
  await using folder = await temporaryFolder()
  await using portal = await freshPortal(undefined, undefined, flags)
  await makeFacilities(portal.as('admin'), 'lab1')
  const data = noise(seed, 6_000_000)
  const image = await publish(portal.as('producer'), 'debian-12', data)
  await using agent = await freshAgent(portal, 'lab1', { flags })
  await pull(agent, image)
  const digests = chunkDigests(manifestOf(data))
  const stores = [
    join(portal.folder, 'portal', 'chunks', 'packs'),
    join(agent.data, 'chunks', 'packs'),
  ]
  while (!(await peerKnown(portal))) await sleep(10)
  const given = { right: 0, wrong: 0, refused: 0 }
  const over = new AbortController()
  const reading = (async () => {
    for (let i = 0; !over.signal.aborted; i++) {
      const path = join(folder.path, `disk-${i}`)
      const written = await writeOut(agent, image, path).then(
        () => true,
        () => false,
      )
      if (!written) given.refused++
      else if (data.equals(await readFile(path))) given.right++
      else given.wrong++
      await rm(path, { force: true })
    }
  })()
  let flipped = 0
  const touched = new Set<string>()
  for (let turn = 0; flipped < flips; turn++) {
    const packs = stores[turn % 2] ?? ''
    for (let i = 0; i < 50 && flipped < flips; i++) {
      if (await flipBit(packs, chance, touched)) flipped++
    }
    await healthy(touched, agent, portal, digests)
  }
  over.abort()
  await reading
  expect(flipped).toBe(flips)
  expect(given.wrong).toBe(0)
  expect(given.right).toBeGreaterThan(0)
  process.stderr.write(`${flips} flips: ${JSON.stringify(given)}\n`)
  await collect(agent.local.verify({ reference: image }))
  await writeOut(agent, image, join(folder.path, 'disk'))
  expect(data.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
}, 180_000)

test('a pack that is cut short, and one that is gone, come back from the other side', async () => {
  await using folder = await temporaryFolder()
  await using portal = await freshPortal(undefined, undefined, flags)
  await makeFacilities(portal.as('admin'), 'lab1')
  const data = noise('cut', 2_000_000)
  const image = await publish(portal.as('producer'), 'debian-12', data)
  await using agent = await freshAgent(portal, 'lab1', { flags })
  await pull(agent, image)
  const digests = chunkDigests(manifestOf(data))
  while (!(await peerKnown(portal))) await sleep(10)
  const [atPortal, atAgent] = [join(portal.folder, 'portal'), agent.data].map((at) =>
    join(at, 'chunks', 'packs'),
  )
  for (const packs of [atPortal ?? '', atAgent ?? '']) {
    const cut = await packsIn(packs)
    for (const pack of cut) await truncate(pack, 900_000)
    await healthy(new Set(cut), agent, portal, digests)
    const gone = await packsIn(packs)
    for (const pack of gone) await rm(pack, { force: true })
    await sleep(300)
    await healthy(new Set(gone), agent, portal, digests)
  }
  await writeOut(agent, image, join(folder.path, 'disk'))
  expect(data.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
}, 60_000)

test('an index that is gone comes back from the packs, and nothing is fetched twice', async () => {
  await using folder = await temporaryFolder()
  await using portal = await freshPortal()
  await makeFacilities(portal.as('admin'), 'lab1')
  const image = await publish(portal.as('producer'), 'debian-12', noise('index', 2_000_000))
  const data = join(folder.path, 'agent')
  {
    await using agent = await freshAgent(portal, 'lab1', { data })
    await pull(agent, image)
  }
  for (const name of ['agent.db', 'agent.db-wal', 'agent.db-shm']) {
    await rm(join(data, name), { force: true })
  }
  await using agent = await freshAgent(portal, 'lab1', { data })
  const { local } = await pull(agent, image)
  expect(local?.replica?.portalBytes).toBe(0n)
  await collect(agent.local.verify({ reference: image }))
}, 30_000)

type Portal = Awaited<ReturnType<typeof freshPortal>>

async function peerKnown({ sql }: Portal): Promise<boolean> {
  const rows = await sql`select from facility where peer_address <> ''`
  return rows.length === 1
}

async function packsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).map((name) => join(folder, name))
}

/** Flips one bit of any pack, its index, header and footer among them; false if the pack has just gone. */
async function flipBit(
  folder: string,
  chance: () => number,
  touched: Set<string>,
): Promise<boolean> {
  const packs = await packsIn(folder)
  const path = packs[Math.floor(chance() * packs.length)]
  if (path === undefined) return false
  try {
    await using file = await open(path, 'r+')
    const { size } = await file.stat()
    const at = Math.floor(chance() * size)
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    byte[0] = (byte[0] ?? 0) ^ (1 << Math.floor(chance() * 8))
    await file.write(byte, 0, 1, at)
    touched.add(path)
    return true
  } catch {
    return false
  }
}

/** Waits until no pack that was touched is there any more, and both sides have every chunk again, with the right bytes. */
async function healthy(
  touched: ReadonlySet<string>,
  agent: FreshAgent,
  portal: Portal,
  digests: readonly Digest[],
): Promise<void> {
  const until = performance.now() + 30_000
  for (;;) {
    const there = await Promise.all([...touched].map((path) => stat(path).catch(() => undefined)))
    const gone = there.every((found) => found === undefined)
    const damaged = await portal.sql`select from damage`
    if (gone && damaged.length === 0) break
    if (performance.now() > until) throw new Error(`${damaged.length} chunks stay damaged`)
    await sleep(20)
  }
  expect(await fetchRight(portal.as('producer'), digests)).toBe(new Set(digests).size)
}
