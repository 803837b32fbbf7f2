import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { GetImageRequest, ImageState } from '../../../proto/gen/merge/image/v1/image.ts'
import { freshAgent, type FreshAgent } from '../../support/agent.ts'
import { startBuild, stateOf, watched } from '../../support/builds.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

/** A recipe whose command is this. */
export function commandRecipe(lines: readonly string[], more: readonly string[] = []): string {
  return [
    'line: debian-13-std-x86',
    'builder: command',
    'size: 64M',
    'checks: { boot: off, fsck: off, hygiene: off, packages: off }',
    ...more,
    'command: |',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n')
}

const makesDisk = ['echo hello from the command', 'head -c 300000 /dev/urandom >rootfs.raw']

describe("the portal's own agent", () => {
  let portal: Portal
  let agent: FreshAgent
  let admin: Clients

  beforeAll(async () => {
    portal = await freshPortal()
    admin = portal.as('admin')
    agent = await freshAgent(portal, 'portal', { serve: false, flags: ['--build', 'command'] })
  })

  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
  })

  async function build(lines: readonly string[], more: readonly string[] = []) {
    return watched(admin, await startBuild(admin, 'tiny', commandRecipe(lines, more)))
  }

  test('builds with a command, logs it live and publishes what it leaves', async () => {
    const { build: ended, log } = await build(makesDisk)
    expect(ended.message).toBe('')
    expect(stateOf(ended)).toBe('done')
    expect(log).toContain('hello from the command\n')
    const { image } = await admin.images.getImage(GetImageRequest.create({ name: ended.image }))
    expect(image).toMatchObject({
      state: ImageState.IMAGE_STATE_CANDIDATE,
      provenance: { build: ended.name, recipe: 'tiny' },
    })
    expect(await readdir(join(agent.data, 'builds'))).toEqual([])
  })

  test('tells why a command failed, with the last that it said', async () => {
    const { build: ended } = await build(['echo the disk is missing >&2', 'exit 3'])
    expect(stateOf(ended)).toBe('failed')
    expect(ended.message).toContain('ended with 3')
    expect(ended.message).toContain('the disk is missing')
  })
})
