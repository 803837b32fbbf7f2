import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ReplicaState } from '../../../proto/gen/merge/image/v1/facility.ts'
import { GetImageRequest, type Image } from '../../../proto/gen/merge/image/v1/image.ts'
import { BuildRequest, PushRequest } from '../../../proto/gen/merge/image/v1/local.ts'
import { freshAgent, writeOut, type FreshAgent } from '../../support/agent.ts'
import { commandRecipe, stateOf } from '../../support/building.ts'
import { collect } from '../../support/chunks.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { freshPortal } from '../../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

describe('a facility', () => {
  let portal: Portal
  let agent: FreshAgent
  let folder: Folder
  let disk: string
  const content = randomBytes(500_000)

  beforeAll(async () => {
    folder = await temporaryFolder()
    disk = join(folder.path, 'disk.raw')
    await writeFile(disk, content)
    portal = await freshPortal()
    await makeFacilities(portal.as('admin'), 'lab1')
    agent = await freshAgent(portal, 'lab1', { serve: false, flags: ['--build', 'command'] })
  })

  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  async function chunksAtPortal(): Promise<number> {
    const [row] = await portal.sql<{ count: number }[]>`select count(*)::int as count from chunk`
    return row?.count ?? 0
  }

  async function stateHere(name: string): Promise<ReplicaState | undefined> {
    const { images } = await agent.local.listLocal({})
    return images.find(({ image }) => image?.name === name)?.replica?.state
  }

  async function push(fields: Partial<PushRequest> = {}): Promise<Image | undefined> {
    const usual = { target: 'debian-13-mytools-x86', rootfs: disk }
    const steps = await collect(agent.local.push(PushRequest.create({ ...usual, ...fields })))
    return steps.at(-1)?.image
  }

  test('makes an image of a disk that is in its own store, and nowhere else', async () => {
    const image = await push({ days: 7, labels: { team: 'net' } })
    expect(image?.name).toMatch(/^lab1\/debian-13\.0-mytools-x86-/)
    expect(image?.custom).toMatchObject({ facility: 'lab1', shared: false })
    expect(image?.labels).toEqual({ team: 'net' })
    expect(image?.storedBytes).toBeGreaterThan(490_000n)
    expect(await stateHere(image?.name ?? '')).toBe(ReplicaState.REPLICA_STATE_PRESENT)
    expect(await chunksAtPortal()).toBe(0)
    const out = join(folder.path, 'out.raw')
    await writeOut(agent, image?.name ?? '', out)
    expect((await readFile(out)).equals(content)).toBe(true)
  })

  test('may pack the disk, and say which format that is', async () => {
    await expect(push({ format: 'qcow2' })).rejects.toMatchObject({ reason: 'WRONG_FORMAT' })
    await expect(push({ format: 'vmdk' })).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
    await expect(push({ rootfs: 'disk.raw' })).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
  })

  test("cannot push into another's namespace", async () => {
    await expect(push({ target: 'lab2/debian-13' })).rejects.toMatchObject({
      reason: 'NOT_ALLOWED',
    })
  })

  test('builds a recipe of its own, and watches it to its end', async () => {
    const text = commandRecipe(
      ['head -c 400000 /dev/urandom >rootfs.raw', 'echo made it'],
      ['release: automatic', 'labels: {team: os, tier: gold}'],
    ).replace('debian-13-std', 'lab1/debian-13-built')
    const news = await collect(agent.local.build(BuildRequest.create({ name: 'built', text })))
    const last = news.flatMap(({ build }) => build ?? []).at(-1)
    expect(last).toBeDefined()
    if (last === undefined) return
    expect(last.message).toBe('')
    expect(stateOf(last)).toBe('done')
    expect(last.recipe).toBe('lab1/built')
    expect(Buffer.concat(news.map(({ log }) => log)).toString()).toContain('made it\n')
    expect(await stateHere(last.image)).toBe(ReplicaState.REPLICA_STATE_PRESENT)
    expect(await chunksAtPortal()).toBe(0)
    const { image } = await portal
      .as('admin')
      .images.getImage(GetImageRequest.create({ name: last.image }))
    expect(image?.provenance?.build).toBe(last.name)
    expect(image?.labels).toEqual({ team: 'os', tier: 'gold' })
  })

  test('is told which line of its recipe is wrong, and that it lacks a builder', async () => {
    const build = (text: string) =>
      collect(agent.local.build(BuildRequest.create({ name: 'built', text })))
    await expect(build('line: nonsense\n')).rejects.toMatchObject({ reason: 'INVALID_RECIPE' })
    const other = 'line: lab1/debian-13-std-x86\nbuilder: mmdebstrap\nsuites: [trixie]\nsize: 2G\n'
    await expect(build(other)).rejects.toMatchObject({ reason: 'NOT_READY' })
  })
})

test('without the portal, a facility is told within seconds that nothing was built, and what to do', async () => {
  const nobody = { address: '127.0.0.1:1' }
  await using agent = await freshAgent(nobody, 'lab1', {
    serve: false,
    flags: ['--build', 'command'],
  })
  const text = commandRecipe(['touch rootfs.raw']).replace('debian-13-std', 'lab1/debian-13-built')
  const asked = collect(agent.local.build(BuildRequest.create({ name: 'built', text })))
  await expect(asked).rejects.toMatchObject({
    reason: 'NOT_READY',
    message: expect.stringMatching(/Nothing was built.*mrs-image status/) as unknown,
  })
})
