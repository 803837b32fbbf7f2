import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { removeTree } from '../../../agent/build/removing.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** Rights do not bind root. */
const whenNotRoot = process.getuid?.() === 0 ? test.skip : test

whenNotRoot('a tree is removed whose folders a build locked', async () => {
  await using folder = await temporaryFolder()
  const tree = join(folder.path, 'tree')
  await mkdir(join(tree, 'locked/inside'), { recursive: true })
  await writeFile(join(tree, 'locked/inside/file'), '')
  await chmod(join(tree, 'locked/inside'), 0)
  await chmod(join(tree, 'locked'), 0o555)
  await removeTree(tree)
  expect(existsSync(tree)).toBe(false)
})

test('a tree that is not there is removed already', async () => {
  await expect(removeTree('/nowhere/at/all')).resolves.toBeUndefined()
})
