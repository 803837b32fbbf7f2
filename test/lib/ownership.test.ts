import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { ownFolder } from '../../lib/ownership.ts'
import { temporaryFolder } from '../support/folder.ts'

const module = new URL('../../lib/ownership.ts', import.meta.url).href
const quiet = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e']

function program(path: string, then: string): string {
  return `import { ownFolder } from ${JSON.stringify(module)}
const owned = ownFolder(${JSON.stringify(path)}); ${then}`
}

test('a folder is made, and has one owner at a time', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a/b')
  const owned = ownFolder(path)
  const second = promisify(execFile)(process.execPath, [...quiet, program(path, '')])
  await expect(second).rejects.toMatchObject({
    stderr: expect.stringContaining('belongs to another process'),
  })
  owned[Symbol.dispose]()
  await promisify(execFile)(process.execPath, [...quiet, program(path, '')])
})

test('an owner that is killed owns no more', async () => {
  await using folder = await temporaryFolder()
  const script = program(folder.path, `console.log('mine'); setInterval(() => owned, 1000)`)
  const child = spawn(process.execPath, [...quiet, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  ownFolder(folder.path)[Symbol.dispose]()
})

test('a path that cannot be a folder says so', () => {
  expect(() => ownFolder('/dev/null/folder')).toThrow(
    expect.objectContaining({
      reason: 'NOT_READY',
      message: expect.stringContaining('/dev/null/folder cannot be used: ENOTDIR'),
    }),
  )
})
