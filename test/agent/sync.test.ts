import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { freshAgent, pull, writeOut, type FreshAgent } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder, type Folder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const present = ReplicaState.REPLICA_STATE_PRESENT

describe('an agent whose portal is gone', () => {
  const disk = randomBytes(500_000)
  let portal: Portal
  let agent: FreshAgent
  let folder: Folder
  let image: string
  let other: string

  beforeEach(async () => {
    folder = await temporaryFolder()
    portal = await freshPortal()
    await makeFacilities(portal.as('admin'), 'lab1')
    image = await publish(portal.as('producer'), 'debian-13', disk)
    other = await publish(portal.as('producer'), 'alma-9', disk)
    agent = await freshAgent(portal, 'lab1', { data: join(folder.path, 'agent') })
    await pull(agent, image)
    await portal[Symbol.asyncDispose]()
    await agent.recorder.line('portal away')
  })

  afterEach(async () => {
    await agent[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  test('says so, and goes on with what it has', async () => {
    expect(await agent.local.status({})).toMatchObject({
      connected: false,
      error: expect.stringMatching(/./),
      wantedCount: 1,
      presentCount: 1,
    })
    const { local } = await pull(agent, 'debian-13')
    expect(local?.replica).toMatchObject({ image, state: present })
    await writeOut(agent, 'debian', join(folder.path, 'disk'))
    expect(disk.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
    await expect(pull(agent, other)).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'UNREACHABLE',
      message: expect.stringContaining(portal.address),
    })
  })

  test('knows it all after a start without the portal', async () => {
    await agent[Symbol.asyncDispose]()
    await using again = await freshAgent(portal, 'lab1', { data: join(folder.path, 'agent') })
    await again.recorder.line('portal away')
    expect(await again.local.status({})).toMatchObject({
      connected: false,
      desiredGeneration: 1n,
      presentCount: 1,
      storedBytes: expect.any(BigInt),
    })
    expect((await again.local.resolveLocal({ reference: 'debian' })).image?.name).toBe(image)
    await writeOut(again, image, join(folder.path, 'disk'))
    expect(disk.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
  })
})
