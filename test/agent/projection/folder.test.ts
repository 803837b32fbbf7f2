import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { folderShelf } from '../../../agent/projection/folder.ts'
import { shelfContract, type OpenShelf } from '../../contracts/shelf.ts'
import { temporaryFolder } from '../../support/folder.ts'

const { signal } = new AbortController()

async function open(): Promise<OpenShelf & { readonly path: string }> {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'images')
  return {
    path,
    shelf: await folderShelf(path, randomUUID),
    read: (key) => readFile(join(path, key), 'utf8').catch(() => undefined),
    async overwrite(key, text) {
      await writeFile(join(folder.path, 'own'), text)
      await rename(join(folder.path, 'own'), join(path, key))
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

describe('a folder', () => {
  shelfContract(open)

  test('holds the same bytes once, under however many keys', async () => {
    await using opened = await open()
    const { shelf, path } = opened
    const staged = join(shelf.staging, 'it')
    await writeFile(staged, 'disk')
    await shelf.put(staged, 'bios/a', signal)
    await shelf.copy('bios/a', 'efi/a', signal)
    const [bios, efi] = [await stat(join(path, 'bios/a')), await stat(join(path, 'efi/a'))]
    expect(bios.ino).toBe(efi.ino)
  })

  test('leaves nothing beside the files, and no empty folders', async () => {
    await using opened = await open()
    const { shelf, path } = opened
    const staged = join(shelf.staging, 'it')
    await writeFile(staged, 'disk')
    await shelf.put(staged, 'bios/lab1/a', signal)
    await shelf.copy('bios/lab1/a', 'bios/lab1/a', signal)
    expect(await readdir(shelf.staging)).toEqual(['it'])
    await shelf.remove('bios/lab1/a', signal)
    expect(await readdir(path)).toEqual(['.incoming'])
  })

  test('is opened again without what a crash left, and with all else', async () => {
    await using opened = await open()
    const { shelf, path } = opened
    await writeFile(join(shelf.staging, 'half'), 'ha')
    await writeFile(join(path, 'readme'), "somebody's own")
    await folderShelf(path, randomUUID)
    expect(await readdir(path, { recursive: true })).toEqual(['.incoming', 'readme'])
  })

  test('says what to do where a file is in the way of a folder', async () => {
    await using opened = await open()
    const { shelf, path } = opened
    await writeFile(join(path, 'bios'), '')
    const staged = join(shelf.staging, 'it')
    await writeFile(staged, 'disk')
    await expect(shelf.put(staged, 'bios/a', signal)).rejects.toThrow(
      'a file is where its directory has to be',
    )
    await expect(folderShelf(join(path, 'bios'), randomUUID)).rejects.toThrow('cannot write')
    await mkdir(join(path, 'efi/a'), { recursive: true })
    await expect(shelf.put(staged, 'efi/a', signal)).rejects.toMatchObject({ reason: 'UNWRITABLE' })
  })
})
