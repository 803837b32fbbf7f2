import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { saveFile } from '../../../lib/portable/save.ts'
import { temporaryFolder } from '../../support/folder.ts'

const run = promisify(execFile)
const options = { replace: false, random: 'r' }

async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  for (const text of texts) {
    if (text === 'fail') throw new Error('the source failed')
    yield Buffer.from(text)
  }
}

test('a file is saved with its checksum, which sha256sum checks, whatever its name', async () => {
  await using folder = await temporaryFolder()
  for (const name of ['plain.tar', 'a\\b\nc.tar']) {
    const path = join(folder.path, name)
    expect(await saveFile(path, parts('one', 'two'), options)).toBe(6)
    expect(await readFile(path, 'utf8')).toBe('onetwo')
    await run('sha256sum', ['--check', '--strict', `${name}.sha256`], { cwd: folder.path })
  }
})

test('a file that is there is replaced only if that is asked for, and then at once', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a.tar')
  await writeFile(path, 'old')
  const refused = saveFile(path, parts('new'), options)
  await expect(refused).rejects.toMatchObject({ reason: 'FILE_EXISTS' })
  const failed = saveFile(path, parts('new', 'fail'), { ...options, replace: true })
  await expect(failed).rejects.toThrow('the source failed')
  expect(await readFile(path, 'utf8')).toBe('old')
  await saveFile(path, parts('new'), { ...options, replace: true })
  expect(await readFile(path, 'utf8')).toBe('new')
})

test('a checksum that is there is not replaced either', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'a.tar.sha256'), 'old')
  const refused = saveFile(join(folder.path, 'a.tar'), parts('new'), options)
  await expect(refused).rejects.toMatchObject({ reason: 'FILE_EXISTS' })
  expect(await readdir(folder.path)).toEqual(['a.tar.sha256'])
})

test('what fails in the middle leaves nothing', async () => {
  await using folder = await temporaryFolder()
  const failed = saveFile(join(folder.path, 'a.tar'), parts('half', 'fail'), options)
  await expect(failed).rejects.toThrow('the source failed')
  expect(await readdir(folder.path)).toEqual([])
})
