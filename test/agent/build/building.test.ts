import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BuildFailure, type Build } from '../../../proto/gen/merge/image/v1/build.ts'
import {
  CheckKind,
  CheckOutcome,
  GetImageRequest,
  ImageState,
} from '../../../proto/gen/merge/image/v1/image.ts'
import { freshAgent, type FreshAgent } from '../../support/agent.ts'
import {
  commandRecipe,
  processesWith,
  startBuild,
  stateOf,
  watched,
} from '../../support/building.ts'
import { until } from '../../support/daemon.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const passed = CheckOutcome.CHECK_OUTCOME_PASSED

function outcomesOf({ checks }: Build) {
  const of = (wanted: CheckKind) => checks.find(({ kind }) => kind === wanted)?.outcome
  return { fsck: of(CheckKind.CHECK_KIND_FSCK), hygiene: of(CheckKind.CHECK_KIND_HYGIENE) }
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

  const folders = (): Promise<string[]> => readdir(join(agent.data, 'builds'))

  async function build(lines: readonly string[], more: readonly string[] = []) {
    return watched(admin, await startBuild(admin, 'tiny', commandRecipe(lines, more)))
  }

  test('builds with a command, logs it live and publishes what it leaves', async () => {
    const { build: ended, log } = await build(makesDisk)
    expect(ended.message).toBe('')
    expect(stateOf(ended)).toBe('done')
    expect(log).toContain('hello from the command\n')
    expect(log).toContain('/etc/merge-image is not inside: the disk is no plain ext4')
    const { image } = await admin.images.getImage(GetImageRequest.create({ name: ended.image }))
    expect(image).toMatchObject({
      state: ImageState.IMAGE_STATE_CANDIDATE,
      provenance: { build: ended.name, recipe: 'tiny' },
    })
    await until('the folder is empty', async () => (await folders()).length === 0)
  })

  test('tells why a command failed, with the last that it said', async () => {
    const { build: ended } = await build(['echo the disk is missing >&2', 'exit 3'])
    expect(stateOf(ended)).toBe('failed')
    expect(ended.message).toContain('ended with 3')
    expect(ended.message).toContain('the disk is missing')
  })

  test('cancelled, it ends every process, those too that went their own way', async () => {
    const lines = ['setsid sleep 4321 & sleep 4321 & echo waiting', 'sleep 4321']
    const name = await startBuild(admin, 'tiny', commandRecipe(lines))
    await logged(name, 'waiting')
    await admin.builds.cancelBuild({ requestId: randomUUID(), name })
    const { build: ended } = await watched(admin, name)
    expect(stateOf(ended)).toBe('cancelled')
    expect(processesWith('sleep 4321')).toBe('')
    expect(await folders()).toEqual([])
  })

  test.each([
    [
      'print without end',
      'LOG',
      ['yes the same again'],
      ['limits: { log: 64K, time: 5m }'],
      'limit of 65536 bytes',
    ],
    [
      'fill the disk',
      'DISK',
      ['head -c 900000000 /dev/zero >big', 'sleep 60'],
      ['limits: { disk: 512M }'],
      'its limit is 536870912',
    ],
    ['leave nothing', 'OUTPUT', ['true'], [], 'left no root file system'],
    ['leave a link', 'OUTPUT', ['ln -s /etc/passwd rootfs.raw'], [], 'left no root file system'],
    ['leave more than was said', 'OUTPUT', ['truncate -s 65M rootfs.raw'], [], 'larger `size`'],
    [
      'leave a list that is none',
      'OUTPUT',
      [...makesDisk, 'echo nonsense >packages'],
      [],
      'list of packages',
    ],
    [
      'leave what is not what it says',
      'PUBLISH',
      ['head -c 100000 /dev/urandom >rootfs.qcow2'],
      [],
      'qcow2',
    ],
  ])('commands that %s fail with %s', async (_what, blame, lines, more, why) => {
    const { build: ended, log } = await build(lines, more)
    expect(stateOf(ended)).toBe('failed')
    expect(ended.failure).toBe(BuildFailure[`BUILD_FAILURE_${blame as 'LOG'}`])
    expect(ended.message).toContain(why)
    expect(log).toContain(why.slice(0, 20))
    expect(await folders()).toEqual([])
  })

  test('an archive becomes a file system that is clean, and says who it is', async () => {
    const lines = [
      'mkdir -p tree/etc/ssh tree/bin tree/usr/bin',
      'cp -a /bin/sh /bin/mkdir /bin/cat /bin/chmod /bin/dirname tree/usr/bin/ 2>/dev/null || true',
      'cp -L /bin/sh /bin/mkdir /bin/cat /bin/chmod /usr/bin/dirname tree/bin/',
      'for lib in $(ldd /bin/sh /bin/mkdir /bin/cat /bin/chmod | grep -o "/[^ ]*[.]so[^ ]*"); do',
      '  mkdir -p "tree$(dirname $lib)"; cp -Ln "$lib" "tree$lib"',
      'done',
      'echo secret >tree/etc/ssh/ssh_host_rsa_key',
      'tar -C tree -cf rootfs.tar .',
      'printf "sh 1.0\\n" >packages',
    ]
    const checked = commandRecipe(lines).replace(/^checks:.*$/m, 'checks: { boot: off }')
    const { build: ended, log } = await watched(admin, await startBuild(admin, 'tar', checked))
    expect(ended.message).toBe('')
    expect(stateOf(ended)).toBe('done')
    expect(log).toContain('hygiene: removed: a host key belongs to one machine')
    expect(outcomesOf(ended)).toMatchObject({ fsck: passed, hygiene: passed })
  })

  const makesExt4 = [
    'mkdir -p tree/etc/ssh; echo host >tree/etc/hostname',
    'mke2fs -q -t ext4 -d tree rootfs.raw 16M',
    'printf "sh 1.0\\n" >packages',
  ]
  const convert = 'qemu-img convert -c -O qcow2 rootfs.raw rootfs.qcow2; rm rootfs.raw'

  test.each([
    ['an ext4', makesExt4],
    ['an ext4 in a qcow2', [...makesExt4, convert]],
  ])('%s that a command left is looked into, and is told who it is', async (_what, lines) => {
    const checked = commandRecipe(lines).replace(/^checks:.*$/m, 'checks: { boot: off }')
    const { build: ended, log } = await watched(admin, await startBuild(admin, 'ext4', checked))
    expect(ended.message).toBe('')
    expect(stateOf(ended)).toBe('done')
    expect(outcomesOf(ended)).toMatchObject({ fsck: passed, hygiene: passed })
    expect(log).toContain('== writing /etc/merge-image')
    expect(log).not.toContain('is not inside')
  })

  test('an ext4 with a host key in it fails, and says which', async () => {
    const [first = '', ...rest] = makesExt4
    const lines = [first, 'echo secret >tree/etc/ssh/ssh_host_rsa_key', ...rest]
    const checked = commandRecipe(lines).replace(/^checks:.*$/m, 'checks: { boot: off }')
    const { build: ended } = await watched(admin, await startBuild(admin, 'ext4', checked))
    expect(outcomesOf(ended)).toMatchObject({
      fsck: passed,
      hygiene: CheckOutcome.CHECK_OUTCOME_FAILED,
    })
    expect(ended.checks.map(({ message }) => message)).toContain(
      '/etc/ssh/ssh_host_rsa_key: a host key belongs to one machine',
    )
  })

  async function logged(name: string, words: string): Promise<void> {
    let all = ''
    for await (const { log } of admin.builds.watchBuild({ name, logOffset: 0n })) {
      all += log.toString()
      if (all.includes(words)) return
    }
  }
})
