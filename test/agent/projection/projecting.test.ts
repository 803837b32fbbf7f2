import { execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SetAliasRequest } from '../../../proto/gen/merge/image/v1/alias.ts'
import { ProjectionState } from '../../../proto/gen/merge/image/v1/local.ts'
import { freshAgent, pull, type FreshAgent, type FreshAgentOptions } from '../../support/agent.ts'
import { until } from '../../support/daemon.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const disk = Buffer.concat([randomBytes(700_416), Buffer.alloc(901_120), randomBytes(53_248)])
const other = randomBytes(300_000)
const { PROJECTION_STATE_LAID_OUT: laidOut, PROJECTION_STATE_FAILED: failed } = ProjectionState
let portal: Portal
let facilities = 0

beforeAll(async () => {
  portal = await freshPortal()
})

afterAll(async () => {
  await portal[Symbol.asyncDispose]()
})

/** A facility that lays its images out in a folder. */
async function laying(
  flags: readonly string[] = [],
  { folder, facility, ...options }: FreshAgentOptions & { folder?: string; facility?: string } = {},
) {
  await using stack = new AsyncDisposableStack()
  const temporary = stack.use(await temporaryFolder())
  const place = folder ?? join(temporary.path, 'images')
  const name = facility ?? `lab${facilities++}`
  if (facility === undefined) await makeFacilities(portal.as('admin'), name)
  const given = ['--project', place, ...flags]
  const agent = stack.use(await freshAgent(portal, name, { ...options, flags: given }))
  const owned = stack.move()
  return { agent, place, facility: name, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const files = async (place: string): Promise<string[]> => {
  const all = await readdir(place, { recursive: true, withFileTypes: true })
  const found = all.filter((entry) => entry.isFile())
  return found.map(({ parentPath, name }) => join(parentPath, name).slice(place.length + 1)).sort()
}

const listed = async ({ local }: FreshAgent) => (await local.listProjections({})).projections

const states = async (agent: FreshAgent) => (await listed(agent)).map(({ state }) => state)

/** Waits until nothing is left to be laid out, and that is so many files. */
const settled = (agent: FreshAgent, count: number): Promise<void> =>
  until(`${count} files laid out`, async () => {
    const all = await states(agent)
    return all.length === count && all.every((state) => state === laidOut)
  })

const point = async (alias: string, image: string): Promise<void> => {
  const request = { requestId: randomUUID(), alias, image, reason: 'a test' }
  await portal.as('admin').aliases.setAlias(SetAliasRequest.create(request))
}

describe('an agent that lays images out', () => {
  test('has each image that is here where the imaging service looks, whole and with its holes', async () => {
    const image = await publish(portal.as('producer'), 'debian-13', disk)
    await using here = await laying()
    await pull(here.agent, image)
    await settled(here.agent, 2)
    expect(await files(here.place)).toEqual([`bios/${image}-rootfs`, `efi/${image}-rootfs`])
    expect((await readFile(join(here.place, `bios/${image}-rootfs`))).equals(disk)).toBe(true)
  })

  test('takes away what is let go, and says so', async () => {
    const image = await publish(portal.as('producer'), 'debian-13', disk)
    await using here = await laying(['--project-layout', '{name}/{file}'])
    await pull(here.agent, image)
    await settled(here.agent, 1)
    await here.agent.local.drop({ reference: image })
    await until('the image has gone', async () => {
      const asked = { references: [image], validateOnly: false }
      const { items } = await here.agent.local.evict(asked)
      return items[0]?.goes === true
    })
    await settled(here.agent, 0)
    expect(await files(here.place)).toEqual([])
  })

  test('has an alias under its own name, which goes from one image to the next in one step', async () => {
    const first = await publish(portal.as('producer'), 'ubuntu-2404', disk)
    const second = await publish(portal.as('producer'), 'ubuntu-2404', other)
    await point('golden', first)
    await using here = await laying([
      '--project-aliases',
      'golden',
      '--project-layout',
      '{name}.{file}',
    ])
    await pull(here.agent, first)
    await pull(here.agent, second)
    await settled(here.agent, 3)
    const alias = join(here.place, 'golden.rootfs')
    expect((await readFile(alias)).equals(disk)).toBe(true)
    const watch = watching(alias)
    await point('golden', second)
    await until('the alias is the second', async () => (await readFile(alias)).equals(other))
    // The last look may have been before the step.
    const wholes = new Set([disk.length, other.length])
    expect([...(await watch.end())].filter((size) => !wholes.has(size))).toEqual([])
  })

  test('goes on where it was after it is killed, and makes anew what somebody took away', async () => {
    const image = await publish(portal.as('producer'), 'debian-13', disk)
    await using folder = await temporaryFolder()
    const [data, place] = [join(folder.path, 'data'), join(folder.path, 'images')]
    let facility: string
    {
      await using here = await laying([], { data, folder: place })
      facility = here.facility
      await pull(here.agent, image)
      await settled(here.agent, 2)
    }
    await rm(join(place, `bios/${image}-rootfs`))
    await writeFile(join(place, '.incoming/half'), 'ha')
    await using here = await laying([], { data, folder: place, facility })
    await settled(here.agent, 2)
    await until('both are there again', async () => (await files(place)).length === 2)
    expect((await readFile(join(place, `bios/${image}-rootfs`))).equals(disk)).toBe(true)
  })

  test('says why a file cannot be laid out, lays out the others, and tries again', async () => {
    const image = await publish(portal.as('producer'), 'debian-13', disk)
    await using here = await laying()
    const inTheWay = join(here.place, `bios/${image}-rootfs`)
    await mkdir(inTheWay, { recursive: true })
    await pull(here.agent, image)
    await until('one has failed', async () =>
      isDeepStrictEqual(await states(here.agent), [failed, laidOut]),
    )
    const [first] = await listed(here.agent)
    expect(first?.error).toContain(`cannot write ${inTheWay}`)
  })
})

describe('a root file system', () => {
  test.each([
    ['zstd', 'zst', (path: string) => readFile(path).then(zstdDecompressSync)],
    ['qcow2', 'qcow2', unpacked],
  ] as const)('can lie there as %s', async (form, suffix, read) => {
    const image = await publish(portal.as('producer'), 'debian-13', disk)
    await using here = await laying([
      ...['--project-as', form],
      ...['--project-layout', '{name}-{file}{suffix}'],
    ])
    await pull(here.agent, image)
    await settled(here.agent, 1)
    const [only] = await files(here.place)
    expect(only).toBe(`${image}-rootfs.${suffix}`)
    expect((await read(join(here.place, only ?? ''))).equals(disk)).toBe(true)
  })
})

test('an agent that lays nothing out says what to do', async () => {
  await makeFacilities(portal.as('admin'), 'bare')
  await using agent = await freshAgent(portal, 'bare')
  await expect(agent.local.listProjections({})).rejects.toMatchObject({
    reason: 'NOT_READY',
    message: expect.stringContaining('--project'),
  })
})

test.each([
  [['--project-listen', '127.0.0.1:0'], 'bare', 'Give --project DIR'],
  [['--project', 's3://images', '--project-listen', '127.0.0.1:0'], 'bare', 'with a folder only'],
  [['--project', 'images'], 'portal', "the portal's own holds no images"],
])('%p is refused at %s', async (flags, facility, why) => {
  await expect(freshAgent(portal, facility, { flags })).rejects.toThrow(why)
})

/** Looks at a file again and again: which sizes has it had? A moment without it fails. */
function watching(path: string) {
  const stop = new AbortController()
  const seen = (async () => {
    const sizes = new Set<number>()
    while (!stop.signal.aborted) {
      sizes.add((await readFile(path)).length)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return sizes
  })()
  return {
    end: () => {
      stop.abort()
      return seen
    },
  }
}

async function unpacked(path: string): Promise<Buffer> {
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, `${path}.raw`])
  return readFile(`${path}.raw`)
}
