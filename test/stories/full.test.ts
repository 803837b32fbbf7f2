import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Program } from '../../testbed/program.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'

// A disk that is really full: a tmpfs in a mount namespace of the agent's own.

const unshare = process.getuid?.() === 0 ? ['unshare', '--mount'] : ['unshare', '-r', '--mount']

function whyNot(): string | undefined {
  try {
    execFileSync(unshare[0] ?? '', [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'x', '/mnt'])
    return undefined
  } catch {
    return 'this user may not make a mount namespace'
  }
}

const absent = whyNot()
if (absent !== undefined && process.env['CI'] === undefined) {
  process.stdout.write(`without the full disk: ${absent}\n`)
}
const story = absent === undefined || process.env['CI'] !== undefined ? describe : describe.skip

/** Runs a program with a disk of its own, of so many MB, on a folder; what is in that folder goes there: who the agent is. */
function onDisk(folder: string, megabytes: number): string[] {
  const before = `mkdir -p ${folder}; kept=$(mktemp -d); cp -a ${folder}/. "$kept"`
  const disk = `mount -t tmpfs -o size=${megabytes}m,mode=755 disk ${folder}; cp -a "$kept"/. ${folder}`
  const mount = `${before}; ${disk}; rm -r "$kept"; exec "$@"`
  return [...unshare, 'sh', '-c', mount, 'sh']
}

function resize(program: Program, folder: string, megabytes: number): void {
  const inside = ['-t', String(program.process.pid), '--mount']
  const user = process.getuid?.() === 0 ? [] : ['-U', '--preserve-credentials']
  execFileSync('nsenter', [...inside, ...user, 'mount', '-o', `remount,size=${megabytes}m`, folder])
}

/** The chunks of the portal whose --data is an argument go to a small disk. */
const limitChunks = `
  previous=
  for word; do [ "$previous" = --data ] && data=$word; previous=$word; done
  mkdir -p "$data/chunks"; mount -t tmpfs -o size=48m disk "$data/chunks"; exec "$@"`

const problem = async (call: Promise<unknown>): Promise<{ reason: string; message: string }> => {
  const { stderr } = await call.then(
    () => ({ stderr: '{"error":{"reason":"NONE"}}' }),
    (error: unknown) => error as { stderr: string },
  )
  return (JSON.parse(stderr) as { error: { reason: string; message: string } }).error
}

story('a disk that is full', () => {
  let testbed: Testbed
  let [small, large] = ['', '']

  beforeAll(async () => {
    testbed = await startTestbed([])
    small = join(testbed.folder, 'small.raw')
    large = join(testbed.folder, 'large.raw')
    await writeFile(small, randomBytes(4_000_000))
    await writeFile(large, randomBytes(90_000_000))
    await testbed.mrg('publish', small, '--as', 'debian-12')
    await testbed.mrg('publish', large, '--as', 'debian-13')
  }, 120_000)

  afterAll(async () => {
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  test('at an agent is told, loses nothing, and is forgotten once there is room', async () => {
    const disk = join(testbed.folder, 'lab1')
    await testbed.mrg('new', 'facility', 'lab1')
    const agent = await testbed.startFacility('lab1', onDisk(disk, 48))
    await testbed.mrs('lab1', 'pull', 'debian-12')

    const told = await problem(testbed.mrs('lab1', 'pull', 'debian-13'))
    expect(told).toMatchObject({ reason: 'DISK_FULL' })
    expect(told.message).toContain(disk)
    await testbed.mrs('lab1', 'verify', 'debian-12')
    const tmp = execFileSync('nsenter', [
      '-t',
      String(agent.process.pid),
      '--mount',
      'ls',
      join(disk, 'chunks/tmp'),
    ])
    expect(tmp.toString()).toBe('')

    resize(agent, disk, 300)
    await testbed.mrs('lab1', 'pull', 'debian-13')
    await testbed.mrs('lab1', 'verify', 'debian-13')
  }, 120_000)

  test('where an image is written out is told, and leaves no file', async () => {
    const disk = join(testbed.folder, 'out')
    await testbed.mrg('new', 'facility', 'lab2')
    const agent = await testbed.startFacility('lab2', onDisk(disk, 16))
    await testbed.mrs('lab2', 'pull', 'debian-13')
    const path = join(disk, 'debian.raw')
    const told = await problem(testbed.mrs('lab2', 'write', 'out', 'debian-13', path))
    expect(told).toMatchObject({ reason: 'DISK_FULL' })
    const inside = ['-t', String(agent.process.pid), '--mount', 'ls', '-A', disk]
    expect(execFileSync('nsenter', inside).toString()).toBe('')
  }, 120_000)
})

story('a full disk at the portal', () => {
  test('ends a publication with a clear error, and the next one goes on', async () => {
    await using testbed = await startTestbed([], {
      through: [...unshare, 'sh', '-c', limitChunks, 'sh'],
    })
    const disk = join(testbed.folder, 'portal/chunks')
    const [small, large] = [join(testbed.folder, 'small.raw'), join(testbed.folder, 'large.raw')]
    await writeFile(small, randomBytes(4_000_000))
    await writeFile(large, randomBytes(90_000_000))
    await testbed.mrg('publish', small, '--as', 'debian-12')

    const told = await problem(testbed.mrg('publish', large, '--as', 'debian-13'))
    expect(told).toMatchObject({ reason: 'DISK_FULL' })
    const images = await testbed.mrg<{ name: string }[]>('list')
    expect(images.map(({ name }) => name.slice(0, 9))).toEqual(['debian-12'])

    resize(testbed.portal, disk, 300)
    await testbed.mrg('publish', large, '--as', 'debian-13')
    expect(await testbed.mrg<unknown[]>('list')).toHaveLength(2)
    expect(readdirSync(testbed.folder)).toContain('portal.log')
  }, 120_000)
})
