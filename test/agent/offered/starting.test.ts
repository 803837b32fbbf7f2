import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { RevokeImageRequest, ShareImageRequest } from '../../../proto/gen/merge/image/v1/image.ts'
import { EvictRequest, PushRequest } from '../../../proto/gen/merge/image/v1/local.ts'
import { freshAgent, pull, type FreshAgent } from '../../support/agent.ts'
import { collect } from '../../support/chunks.ts'
import { makeFacilities, push } from '../../support/facilities.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { publish } from '../../support/images.ts'
import {
  ask,
  askJson,
  hexOf,
  mixedDisk,
  untilNotOffered,
  untilOffered,
} from '../../support/offered.ts'
import { freshPortal } from '../../support/portal.ts'

const offering = ['--offer', '127.0.0.1:0']

describe('what an agent offers', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let agent: FreshAgent
  let folder: Folder
  let image: string
  const disk = mixedDisk()

  beforeAll(async () => {
    folder = await temporaryFolder()
    portal = await freshPortal(undefined, undefined, offering)
    await makeFacilities(portal.as('admin'), 'lab1')
    image = await publish(portal.as('producer'), 'debian-13', disk)
    agent = await freshAgent(portal, 'lab1', { flags: offering })
    await pull(agent, 'debian-13')
    await untilOffered(agent.agent.offered, image)
  })

  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  async function pushOwn(name: string, shared: boolean): Promise<string> {
    const rootfs = join(folder.path, name)
    await writeFile(rootfs, mixedDisk(name))
    const request = { target: `lab1/debian-13-${name}`, rootfs, format: 'raw', shared }
    const steps = await collect(agent.local.push(PushRequest.create(request)))
    return steps.at(-1)?.image?.name ?? ''
  }

  test('is the images that are here, as the portal offers them, byte for byte', async () => {
    await untilOffered(portal.offered, image)
    for (const path of ['/streams/v1/images.json', '/v2/debian-13-std-x86/manifests/latest']) {
      const [here, there] = [await ask(agent.agent.offered, path), await ask(portal.offered, path)]
      expect(here.body.toString()).toBe(there.body.toString())
    }
    const { body } = await ask(agent.agent.offered, `/images/${image}/rootfs`)
    expect(hexOf(body)).toBe(hexOf(disk))
  })

  test('is used by whoever reads it', async () => {
    const lastUse = async () =>
      (await agent.local.evict(EvictRequest.create({ validateOnly: true }))).items.find(
        (item) => item.image === image,
      )?.useTime
    const before = (await lastUse())?.getTime() ?? 0
    await ask(agent.agent.offered, `/images/${image}/rootfs`, { headers: { range: 'bytes=0-0' } })
    expect((await lastUse())?.getTime()).toBeGreaterThan(before)
  })

  test('has its own images in it that are shared, and not the others', async () => {
    const mine = await pushOwn('mine', false)
    const shared = await pushOwn('ours', true)
    await untilOffered(agent.agent.offered, shared)
    const { repositories } = await askJson<{ repositories: string[] }>(
      agent.agent.offered,
      '/v2/_catalog',
    )
    expect(repositories).toEqual(['debian-13-std-x86', 'lab1/debian-13-ours-x86'])
    expect((await ask(agent.agent.offered, `/images/${mine}/rootfs`)).status).toBe(404)
    const { body } = await ask(agent.agent.offered, `/images/${shared}/rootfs`)
    expect(body.equals(mixedDisk('ours'))).toBe(true)
    const request = { requestId: randomUUID(), name: shared, shared: false }
    await portal.as('agent:lab1').images.shareImage(ShareImageRequest.create(request))
    await untilNotOffered(agent.agent.offered, shared)
  })

  test('loses what the facility should hold no longer, for nobody tells whether it is good', async () => {
    const data = mixedDisk('dropped')
    const other = await publish(portal.as('producer'), 'debian-12', data)
    await push(portal.as('admin'), 'lab1', other)
    await untilOffered(agent.agent.offered, other)
    const request = { requestId: randomUUID(), image: other, facility: 'lab1' }
    await portal.as('admin').facilities.dropImage(request)
    await untilNotOffered(agent.agent.offered, other)
    const { images } = await agent.local.listLocal({})
    expect(images.map(({ image: here }) => here?.name)).toContain(other)
  })

  test('loses what the portal revokes', async () => {
    const request = { requestId: randomUUID(), name: image, reason: 'CVE-2026-1' }
    await portal.as('admin').images.revokeImage(RevokeImageRequest.create(request))
    await untilNotOffered(agent.agent.offered, image)
    expect((await ask(agent.agent.offered, `/images/${image}/rootfs`)).status).toBe(404)
  })
})

test('the portal’s own agent offers nothing', async () => {
  await using portal = await freshPortal()
  await expect(freshAgent(portal, 'portal', { flags: offering })).rejects.toMatchObject({
    reason: 'INVALID_FIELD',
    message: expect.stringContaining('--offer'),
  })
})
