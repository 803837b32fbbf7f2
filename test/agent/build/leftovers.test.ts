import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { firstToEnd, sweep, workingIn } from '../../../agent/build/leftovers.ts'
import { toolPath } from '../../../agent/build/toolpath.ts'
import { sleep } from '../../../lib/chunks/clock.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { recorder } from '../../support/log.ts'

test('processes that work or are rooted below a folder are found, and no others', () => {
  const processes = [
    { pid: 1, ways: [['1:2'], ['1:2']] },
    { pid: 2, ways: [['9:9', '1:7', '1:2'], ['1:2']] },
    { pid: 3, ways: [['1:2'], ['1:7', '1:2']] },
    { pid: 4, ways: [['2:7', '1:2'], ['1:2']] },
  ]
  expect(workingIn('1:7', processes)).toEqual([2, 3])
})

test('of processes that belong together the children end first, and of theirs only those that were found', () => {
  const children = new Map([
    [10, [11, 99]],
    [11, [12]],
    [20, [98]],
  ])
  expect(firstToEnd([10, 11, 12, 20], (pid) => children.get(pid) ?? [])).toEqual([11, 12, 20])
})

const tookOff = 'taking off what a former build left mounted'
const whenRoot = process.getuid?.() === 0 ? test : test.skip

describe('a sweep', () => {
  let folder: Folder
  let builds: string
  const started: ChildProcess[] = []

  beforeEach(async () => {
    folder = await temporaryFolder()
    builds = join(await realpath(folder.path), 'builds')
    await mkdir(builds)
  })

  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL')
    await folder[Symbol.asyncDispose]()
  })

  /** A shell with mounts of its own that does this and then stays. */
  async function caged(script: string): Promise<ChildProcess> {
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
    const child = spawn(
      'unshare',
      [...user, '--mount', 'sh', '-e', '-c', `${script}\necho ready; exec sleep 600`, 'sh', builds],
      { env: { PATH: toolPath }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    started.push(child)
    await once(child.stdout, 'data')
    return child
  }

  async function swept() {
    const { log, lines } = recorder()
    const clock = { now: () => performance.now(), sleep }
    await sweep(builds, { log, clock }, AbortSignal.timeout(30_000))
    return lines
  }

  function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
    return exitCode !== null || signalCode !== null
  }

  test('ends who works in the folder, and takes the folder away', async () => {
    await writeFile(join(builds, 'left'), '')
    const child = await caged('cd "$1"')
    const gone = once(child, 'exit')
    await swept()
    expect(await gone).toEqual([null, 'SIGKILL'])
    expect(existsSync(builds)).toBe(false)
  })

  test('ends who works in it by another path, on a mount in it, or in a part of it that is removed', async () => {
    const elsewhere = join(folder.path, 'elsewhere')
    await mkdir(elsewhere)
    const children = [
      await caged(`mount --bind "$1" ${elsewhere}; cd ${elsewhere}`),
      await caged('mkdir "$1/on"; mount -t tmpfs tmpfs "$1/on"; cd "$1/on"'),
      await caged('mkdir "$1/gone"; cd "$1/gone"; rmdir "$1/gone"'),
    ]
    const gone = children.map((child) => once(child, 'exit'))
    await swept()
    await Promise.all(gone)
    expect(children.map(hasEnded)).toEqual([true, true, true])
  })

  test('leaves who works in another folder that has the same path in a namespace of its own', async () => {
    const other = await caged('mount -t tmpfs tmpfs "$1"; mkdir "$1/build"; cd "$1/build"')
    const cwd = execFileSync('readlink', [`/proc/${other.pid ?? 0}/cwd`]).toString()
    expect(cwd).toBe(`${builds}/build\n`)
    await swept()
    expect(hasEnded(other)).toBe(false)
    expect(existsSync(builds)).toBe(false)
  })

  whenRoot('takes off what is mounted in the folder, a pile of mounts too', async () => {
    const point = join(builds, 'a b')
    await mkdir(point)
    for (const _each of [1, 2]) execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', point])
    const lines = await swept()
    expect(lines.map(({ msg }) => msg)).toEqual(Array(2).fill(tookOff))
    expect(existsSync(builds)).toBe(false)
  })
})
