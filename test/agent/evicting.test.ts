import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { readSettings } from '../../lib/settings.ts'
import { agentSettings } from '../../agent/settings.ts'
import { freshAgent, pull, writeOut, type FreshAgent } from '../support/agent.ts'
import { collect } from '../support/chunks.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { publish, restate } from '../support/images.ts'
import { freshPortal, type Clients } from '../support/portal.ts'

const sizeBytes = 400_000

describe('an agent', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let admin: Clients
  let made = 0
  let lab = ''

  beforeAll(async () => {
    portal = await freshPortal()
    admin = portal.as('admin')
  })

  beforeEach(async () => {
    lab = `lab${++made}`
    await makeFacilities(admin, lab)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const start = (flags: readonly string[], data?: string) =>
    freshAgent(portal, lab, {
      ...(data === undefined ? {} : { data }),
      flags: [
        ...['--collect-grace', '0', '--collect-every', '0', '--evict-every', '0'],
        ...['--keep-used', '0', '--keep-unwanted', '0', ...flags],
      ],
    })

  const make = (data = randomBytes(sizeBytes)) => publish(admin, 'debian-13', data)

  /** Has images here that are wanted no more, the first used longest ago. */
  async function unwanted(agent: FreshAgent, ...images: readonly string[]): Promise<void> {
    for (const image of images) await pull(agent, image)
    for (const image of images) await agent.local.drop({ reference: image })
    while ((await agent.local.status({})).wantedCount > 0) await nextReport(agent)
  }

  const nextReport = (agent: FreshAgent) => agent.local.listLocal({})

  const here = async (agent: FreshAgent) =>
    (await agent.local.listLocal({})).images
      .filter(({ replica }) => replica?.state === 3)
      .map(({ image }) => image?.name)

  const evict = (agent: FreshAgent, references: string[] = [], validateOnly = false) =>
    agent.local.evict({ references, validateOnly })

  test('makes room for an image that does not fit, by what was used longest ago', async () => {
    await using agent = await start(['--most-bytes', '1M', '--evict-below', '60%'])
    const [first, second, third] = [await make(), await make(), await make()]
    await unwanted(agent, first, second)
    expect(await here(agent)).toEqual([second, first])
    await pull(agent, third)
    expect(await here(agent)).toEqual([third])
    await collect(agent.local.verify({ reference: third }))
    const { storedBytes } = await agent.local.status({})
    expect(Number(storedBytes)).toBeLessThan(1.2 * sizeBytes)
  })

  test('says of what does not fit what it lacks, and what could be dropped', async () => {
    await using agent = await start(['--most-bytes', '1M'])
    const [first, second, third] = [await make(), await make(), await make()]
    await pull(agent, first)
    await pull(agent, second)
    await expect(pull(agent, third)).rejects.toMatchObject({
      reason: 'DISK_FULL',
      message: expect.stringMatching(
        new RegExp(`by --most-bytes.*${first} \\(\\d+ bytes; it is wanted here\\)`),
      ),
    })
    expect(await here(agent)).toEqual([second, first])
    await agent.local.drop({ reference: first })
    while ((await agent.local.status({})).wantedCount > 2) await nextReport(agent)
    await pull(agent, third)
    expect(await here(agent)).toEqual([third, second])
  })

  test('takes back what is all here still, however full it is', async () => {
    await using folder = await temporaryFolder()
    const data = join(folder.path, 'agent')
    const image = await make()
    {
      await using agent = await start([], data)
      await unwanted(agent, image)
    }
    await using agent = await start(['--most-bytes', '100K', '--keep-unwanted', '1h'], data)
    await pull(agent, image)
    while ((await agent.local.status({})).wantedCount < 1) await nextReport(agent)
    expect(await here(agent)).toEqual([image])
    const next = await make()
    await expect(pull(agent, next)).rejects.toMatchObject({ reason: 'DISK_FULL' })
  })

  test('lets go by itself once the store is above its high-water mark, down to the low one', async () => {
    await using folder = await temporaryFolder()
    const data = join(folder.path, 'agent')
    const images = [await make(), await make(), await make()]
    {
      await using agent = await start([], data)
      await unwanted(agent, ...images)
    }
    await using agent = await start(['--most-bytes', '1300K', '--evict-every', '10ms'], data)
    await agent.recorder.line('images let go')
    expect(await here(agent)).toEqual([images[2], images[1]])
  })

  test('says beforehand what would go, foretells what comes free, and then does it', async () => {
    await using agent = await start([])
    const shared = randomBytes(sizeBytes)
    const two = [1, 2].map(() => Buffer.concat([shared, randomBytes(sizeBytes)]))
    const [first, second] = [await make(two[0]), await make(two[1])]
    await unwanted(agent, first, second)
    const plan = await evict(agent, [first, second], true)
    expect(plan.items).toMatchObject([
      { image: first, goes: true },
      { image: second, goes: true },
    ])
    expect(plan.items[0]?.freedBytes).toBeLessThan(plan.items[1]?.freedBytes ?? 0n)
    expect(await here(agent)).toEqual([second, first])
    expect(await evict(agent, [first, second])).toEqual(plan)
    expect(await here(agent)).toEqual([])
    expect((await agent.local.status({})).storedBytes).toBe(0n)
    await expect(evict(agent, [first])).rejects.toMatchObject({ kind: 'missing' })
  })

  test('keeps what it should hold, whoever asks, and says why', async () => {
    await using agent = await start([])
    const image = await make()
    await pull(agent, image)
    expect((await evict(agent, [image])).items).toMatchObject([
      { image, goes: false, message: 'it is wanted here' },
    ])
    expect(await here(agent)).toEqual([image])
  })

  test('keeps what was used lately', async () => {
    await using folder = await temporaryFolder()
    await using agent = await start(['--keep-used', '1h'])
    const image = await make()
    await unwanted(agent, image)
    await writeOut(agent, image, join(folder.path, 'disk'))
    expect((await evict(agent, [image])).items).toMatchObject([
      { goes: false, message: expect.stringContaining('it was used at') },
    ])
  })

  test('keeps what is wanted no more for a while, unless a person names it', async () => {
    await using agent = await start(['--keep-unwanted', '1h', '--most-bytes', '100K'])
    const image = await publish(admin, 'debian-13', randomBytes(50_000))
    await unwanted(agent, image)
    const asked = await agent.local.evict({ references: [], validateOnly: true })
    expect(asked.items).toMatchObject([{ goes: false }])
    expect((await evict(agent, [image])).items).toMatchObject([{ image, goes: true }])
  })

  test('keeps the last copy of what is held', async () => {
    await using agent = await start([])
    const image = await make()
    await unwanted(agent, image)
    await restate(portal.sql, image, { storage: 'expired' })
    await portal.sql`
      insert into hold (id, image, kind, owner, reason, link)
      values (${randomUUID()}, ${image}, 'person', 'somebody', 'needed', '')`
    expect((await evict(agent, [image])).items).toMatchObject([
      { goes: false, message: expect.stringContaining('it is held') },
    ])
    expect(await here(agent)).toEqual([image])
  })

  test('lets nothing go while the portal cannot be asked', async () => {
    await using own = await freshPortal()
    await makeFacilities(own.as('admin'), 'away')
    const image = await publish(own.as('admin'), 'debian-13', randomBytes(1000))
    await using agent = await freshAgent(own, 'away', {
      flags: ['--keep-unwanted', '0', '--keep-used', '0'],
    })
    await unwanted(agent, image)
    await own[Symbol.asyncDispose]()
    await agent.recorder.line('portal away')
    expect((await evict(agent, [image])).items).toMatchObject([
      { goes: false, message: expect.stringContaining('the portal cannot be asked') },
    ])
    expect(await here(agent)).toEqual([image])
  })

  test('gives back at once what is wanted again, of what has not been collected', async () => {
    await using agent = await start(['--collect-grace', '1h'])
    const image = await make()
    await unwanted(agent, image)
    await evict(agent, [image])
    const { local } = await pull(agent, image)
    expect(local?.replica).toMatchObject({ portalBytes: 0n, peerBytes: 0n })
  })

  test('says how full it is, and what could go', async () => {
    await using agent = await start(['--most-bytes', '10M', '--evict-above', '75'])
    await unwanted(agent, await make())
    const { store, storedBytes } = await agent.local.status({})
    expect(store).toMatchObject({
      ...{ usedBytes: storedBytes, mostBytes: 10n * 1024n * 1024n },
      ...{ abovePercent: 75, belowPercent: 75, evictableCount: 1 },
    })
  })

  test('is not started with a low-water mark above the high one', async () => {
    await expect(start(['--evict-above', '70%', '--evict-below', '71%'])).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      message: expect.stringContaining('--evict-below'),
    })
  })

  describe('tells when an image was used last', () => {
    const useTimes = async (agent: FreshAgent) =>
      (await agent.local.listLocal({})).images.map(({ replica }) => replica?.useTime)

    test('here and at the portal: it was written out, not verified', async () => {
      await using folder = await temporaryFolder()
      await using agent = await start([])
      const image = await make()
      await pull(agent, image)
      await collect(agent.local.verify({ reference: image }))
      expect(await useTimes(agent)).toEqual([undefined])
      const before = Date.now()
      await writeOut(agent, image, join(folder.path, 'disk'))
      const [used] = await useTimes(agent)
      expect(used?.getTime()).toBeGreaterThanOrEqual(before)
      await push(admin, lab, await make())
      const listed = async () =>
        (await admin.facilities.listReplicas({ facility: lab, pageSize: 0, pageToken: '' }))
          .replicas
      while ((await listed()).every(({ useTime }) => useTime === undefined)) await nextReport(agent)
      expect((await listed()).find((replica) => replica.image === image)?.useTime).toEqual(used)
    })

    test('or what was written out was read, over restarts', async () => {
      await using folder = await temporaryFolder()
      const [data, path] = [join(folder.path, 'agent'), join(folder.path, 'disk')]
      let day = 0
      const now = () => new Date(Date.now() + day * 86_400_000)
      const again = () => freshAgent(portal, lab, { data, now })
      {
        await using agent = await again()
        await pull(agent, await make())
        await writeOut(agent, 'debian-13', path)
      }
      day = 2
      const read = new Date(Date.now() + 86_400_000)
      await utimes(path, read, read)
      const used = async (wanted: (time: number) => boolean) => {
        await using agent = await again()
        for (;;) {
          const [time] = await useTimes(agent)
          if (time !== undefined && wanted(time.getTime())) return time
          await evict(agent, [], true)
        }
      }
      const found = await used((time) => time > Date.now() + 1000)
      expect(Math.abs(found.getTime() - read.getTime())).toBeLessThan(1000)
      expect((await readFile(path)).length).toBe(sizeBytes)
    })
  })
})

test.each([
  ['--most-bytes', '0'],
  ['--most-bytes', '10X'],
  ['--most-bytes', '-5G'],
  ['--evict-above', '0'],
  ['--evict-above', '101%'],
  ['--evict-below', 'x'],
  ['--keep-used', 'long'],
  ['--keep-unwanted', '5'],
])('an agent is not started with %s %s', (flag, value) => {
  const flags = ['--facility', 'lab', '--data', '/tmp/x', flag, value]
  expect(() => readSettings(agentSettings, flags, {}, 'TEST')).toThrow(flag)
})
