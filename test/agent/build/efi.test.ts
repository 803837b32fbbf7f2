import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { CheckKind, CheckOutcome } from '../../../proto/gen/merge/image/v1/image.ts'
import { freshAgent, type FreshAgent } from '../../support/agent.ts'
import { commandRecipe, startBuild, stateOf, watched } from '../../support/building.ts'
import { makeEfiDisk } from '../../support/efi.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { storyWith } from '../../support/tools.ts'

const story = storyWith('disks that EFI starts', ['qemu-system-x86_64', 'mformat', 'mcopy'])

story('a disk that is to start by EFI', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let agent: FreshAgent
  let admin: Clients
  let folder: Folder

  beforeAll(async () => {
    folder = await temporaryFolder()
    portal = await freshPortal()
    admin = portal.as('admin')
    agent = await freshAgent(portal, 'portal', { serve: false, flags: ['--build', 'command'] })
  })

  afterAll(async () => {
    await agent[Symbol.asyncDispose]()
    await portal[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  test('passes its check once its own boot loader has said that it is up', async () => {
    const disk = join(folder.path, 'disk.raw')
    await makeEfiDisk(disk, 'up by efi')
    const text = commandRecipe([`cp "${disk}" rootfs.raw`], ['boot: [efi]']).replace(
      'boot: off',
      'boot: { marker: up by efi, within: 2m }',
    )
    const { build } = await watched(admin, await startBuild(admin, 'efi', text))
    expect(stateOf(build)).toBe('done')
    const check = build.checks.find(({ kind }) => kind === CheckKind.CHECK_KIND_BOOT)
    expect(check?.message).toContain('efi: It is up')
    expect(check?.outcome).toBe(CheckOutcome.CHECK_OUTCOME_PASSED)
  }, 180_000)
})
