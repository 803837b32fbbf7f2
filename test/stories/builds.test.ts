import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckOutcome, GetImageRequest, ImageState } from '../../proto/gen/merge/image/v1/image.ts'
import { folderOf, startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { startBuild, stateOf, watched, type Ended } from '../support/building.ts'
import { until } from '../support/daemon.ts'
import { clientsAs, type Clients } from '../support/portal.ts'

// Real Debian, built by an agent from a recipe, checked, released, and synced to a facility; then rebuilt.

const tools = ['mmdebstrap', 'qemu-system-x86_64', 'mke2fs', 'debugfs']
const absent = tools.filter((tool) => {
  try {
    execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`])
    return false
  } catch {
    return true
  }
})
if (absent.length > 0 && process.env['CI'] === undefined) {
  process.stdout.write(`without real builds: ${absent.join(', ')} not installed\n`)
}
const story = absent.length === 0 || process.env['CI'] !== undefined ? describe : describe.skip

const recipe = (suites: string): string => `
line: debian-13-std-x86
builder: mmdebstrap
suites: [${suites}]
packages: [systemd-sysv, udev, initramfs-tools, linux-image-cloud-amd64]
size: 2G
files:
  - path: /etc/motd
    content: Built by merge-image.
scripts:
  - name: a root without a password
    run: |
      passwd --delete root
      echo "scripts know that this is $MERGE_IMAGE"
release: automatic
checks: { boot: { marker: 'login:', within: 5m } }
`

story('a Debian recipe', () => {
  let testbed: Testbed
  let admin: Clients
  let first: Ended

  beforeAll(async () => {
    testbed = await startTestbed(['lab1'], { insecure: true })
    admin = clientsAs(testbed.portalAddress, 'admin')
    await testbed.startFacility('portal', [], ['--build', 'mmdebstrap'])
  }, 120_000)

  afterAll(async () => {
    admin[Symbol.dispose]()
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  const build = async (suites: string): Promise<Ended & { seconds: number }> => {
    const began = performance.now()
    const ended = await watched(admin, await startBuild(admin, 'debian-13', recipe(suites)))
    const seconds = (performance.now() - began) / 1000
    const { build: end } = ended
    process.stdout.write(`${stateOf(end)} after ${seconds.toFixed(1)} s: ${end.message}\n`)
    for (const { message } of end.checks) process.stdout.write(`  ${message}\n`)
    return { ...ended, seconds }
  }

  test('becomes an image that boots, is clean, and is released', async () => {
    first = await build('trixie')
    expect(first.build.message).toBe('')
    expect(stateOf(first.build)).toBe('done')
    expect(first.log).toContain(`scripts know that this is ${first.build.image}`)
    const passed = CheckOutcome.CHECK_OUTCOME_PASSED
    expect(first.build.checks.map(({ outcome }) => outcome)).toEqual([
      passed,
      passed,
      passed,
      passed,
    ])
    const { image } = await admin.images.getImage(
      GetImageRequest.create({ name: first.build.image }),
    )
    expect(image?.state).toBe(ImageState.IMAGE_STATE_RELEASED)
    const work = join(testbed.folder, folderOf('portal'), 'builds')
    await until('the folder is empty', () => Promise.resolve(readdirSync(work).length === 0))
  }, 240_000)

  test('says at a facility who it is', async () => {
    await testbed.mrs('lab1', 'pull', 'debian-13')
    const disk = join(testbed.folder, 'disk.raw')
    await testbed.mrs('lab1', 'write', 'out', 'debian-13', disk)
    const read = (path: string): string =>
      execFileSync('/sbin/debugfs', ['-R', `cat ${path}`, disk], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString()
    const identity = read('/etc/merge-image')
    expect(identity).toContain(`IMAGE=${first.build.image}\n`)
    expect(identity).toContain('RECIPE=debian-13\nRECIPE_VERSION=1\n')
    expect(identity).toContain(`INPUTS_DIGEST=${first.build.inputsDigest}\n`)
    expect(read('/usr/share/merge-image/packages')).toMatch(/^linux-image-cloud-amd64\t6\./m)
    expect(read('/etc/motd')).toBe('Built by merge-image.')
    expect(read('/etc/machine-id')).toBe('')
  }, 60_000)

  test('is not built again while its packages are the same, which takes seconds', async () => {
    const again = await build('trixie')
    expect(stateOf(again.build)).toBe('skipped')
    expect(again.build.unchangedImage).toBe(first.build.image)
    expect(again.seconds).toBeLessThan(30)
  }, 60_000)

  test('is built at a facility with one command, with the security suite, and stays there', async () => {
    await testbed.facilities.get('lab1')?.stop()
    await testbed.startFacility('lab1', [], ['--build', 'mmdebstrap'])
    const chunks = join(testbed.folder, 'portal/chunks')
    const stored = (): number => parseInt(execFileSync('du', ['-sb', chunks]).toString())
    const before = stored()
    const path = join(testbed.folder, 'tools.yaml')
    const text = recipe('trixie, trixie-security')
      .replace('debian-13-std', 'lab1/debian-13-tools')
      .replace(/^checks:.*$/m, 'checks: { boot: off }')
    await writeFile(path, text)
    const build = await testbed.mrs<{ readonly image: string }>('lab1', 'build', path)
    expect(build.image).toMatch(/^lab1\/debian-13\.0-tools-x86-/)
    await testbed.mrs('lab1', 'verify', build.image)
    // Its log is there, and nothing else of it.
    expect(stored() - before).toBeLessThan(50_000)
  }, 180_000)
})
