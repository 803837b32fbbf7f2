import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { removeTree } from '../../../agent/build/removing.ts'
import { temporaryFolder } from '../../support/folder.ts'

test('a tree is removed whose folders a build locked', async () => {
  await using folder = await temporaryFolder()
  await chown(folder.path, ...someone)
  await asSomeone(async () => {
    const tree = join(folder.path, 'tree')
    await mkdir(join(tree, 'locked/inside'), { recursive: true })
    await writeFile(join(tree, 'locked/inside/file'), '')
    await chmod(join(tree, 'locked/inside'), 0)
    await chmod(join(tree, 'locked'), 0o555)
    await expect(writeFile(join(tree, 'locked/more'), '')).rejects.toMatchObject({ code: 'EACCES' })
    await removeTree(tree)
    expect(existsSync(tree)).toBe(false)
  })
})

test('a tree that is not there is removed already', async () => {
  await expect(removeTree('/nowhere/at/all')).resolves.toBeUndefined()
})

const isRoot = process.getuid?.() === 0
const someone: [uid: number, gid: number] = isRoot
  ? [65534, 65534]
  : [process.getuid?.() ?? 0, process.getgid?.() ?? 0]

/** Rights do not bind root, so what they are to show is done as somebody else. */
async function asSomeone(act: () => Promise<void>): Promise<void> {
  if (!isRoot) return act()
  process.seteuid?.(65534)
  try {
    await act()
  } finally {
    process.seteuid?.(0)
  }
}
