import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { openDirectory } from '../../../lib/chunks/directory.ts'
import { readPackIndex } from '../../../lib/chunks/pack.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { collect } from '../../support/chunks.ts'
import { temporaryFolder } from '../../support/folder.ts'

const putter = path.resolve('test/support/putter.ts')

/** Kills the child a random while after its first put, and returns the keys that it said were durable. */
async function killMidway(folder: string, round: number): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [putter, folder, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const keys: string[] = []
  const exited = once(child, 'exit')
  if (child.stdout === null) throw new Error('the child has no output')
  for await (const line of createInterface(child.stdout)) {
    if (keys.push(line) === 1) void setTimeout(Math.random() * 60).then(() => child.kill('SIGKILL'))
  }
  await exited
  return keys
}

test('kill -9 in the middle of puts leaves whole packs only, and every acknowledged one', async () => {
  await using folder = await temporaryFolder()
  const acknowledged: string[] = []
  for (let round = 0; round < 8; round++)
    acknowledged.push(...(await killMidway(folder.path, round)))
  await using blobs = await openDirectory({ path: folder.path, startedAt: Date.now() })
  const packs = await collect(blobs.list('packs/'))
  for (const { key, sizeBytes } of packs) {
    const read = (offset: number, length: number) => blobs.range(key, offset, length)
    for (const { digest, offset, storedBytes } of await readPackIndex(read, sizeBytes)) {
      expect(sha256(await read(offset, storedBytes))).toBe(digest)
    }
  }
  expect(packs.map(({ key }) => key)).toEqual(expect.arrayContaining(acknowledged))
  expect(acknowledged.length).toBeGreaterThanOrEqual(8)
  expect(await readdir(`${folder.path}/tmp`)).toEqual([])
})
