import { once } from 'node:events'
import { link, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { directoryOrigin } from '../../../agent/import/directory.ts'
import type { Item } from '../../../agent/import/origin.ts'
import { temporaryFolder } from '../../support/folder.ts'

describe('a folder of the agent’s machine', () => {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>
  let opened: string
  const { signal } = new AbortController()

  beforeEach(async () => {
    temporary = await temporaryFolder()
    opened = join(temporary.path, 'opened')
    await mkdir(join(opened, 'a/b'), { recursive: true })
    await writeFile(join(temporary.path, 'secret'), 'secret')
  })

  afterEach(async () => {
    await temporary[Symbol.asyncDispose]()
  })

  const origin = (path = opened) =>
    directoryOrigin({ kind: 'directory', path }, { importFolders: ['/nowhere', opened] })

  const items = (path?: string) => origin(path).items(signal)

  async function read(item: Item): Promise<string> {
    const parts: Buffer[] = []
    for await (const part of origin().open(item, signal)) parts.push(part)
    return Buffer.concat(parts).toString()
  }

  const item = async (name: string): Promise<Item> => {
    const found = (await items()).find((one) => one.name === name)
    if (found === undefined) throw new Error(`no ${name}`)
    return found
  }

  const only = (name: string): Item => ({ name, version: 'v', fields: {} })

  test('has the files below it, by their paths, with their sizes and times', async () => {
    await writeFile(join(opened, 'a/b/disk.img'), 'hello')
    await writeFile(join(opened, 'z.img'), '')
    await utimes(join(opened, 'z.img'), 1_700_000_000, 1_700_000_000)
    expect(await items()).toMatchObject([
      { name: 'a/b/disk.img', sizeBytes: 5n },
      { name: 'z.img', sizeBytes: 0n, time: new Date(1_700_000_000_000) },
    ])
    expect(await read(await item('a/b/disk.img'))).toBe('hello')
    expect(await items(join(opened, 'a'))).toMatchObject([{ name: 'b/disk.img' }])
  })

  test('has neither what is hidden, nor what is no file', async () => {
    await writeFile(join(opened, '.disk.img.part'), 'half')
    const server = createServer().listen(join(opened, 'socket'))
    await once(server, 'listening')
    await symlink('nothing', join(opened, 'dangling'))
    await symlink('a', join(opened, 'folder'))
    expect(await items()).toEqual([])
    server.close()
  })

  test('follows links to files inside, and refuses those that lead out', async () => {
    await writeFile(join(opened, 'disk.img'), 'disk')
    await symlink('disk.img', join(opened, 'latest.img'))
    await symlink('../secret', join(opened, 'out.img'))
    expect(await read(await item('latest.img'))).toBe('disk')
    const out = await item('out.img')
    expect(out.refused?.message).toMatch(/^out\.img leads out of the folder/)
    await expect(read(out)).rejects.toBe(out.refused)
    await expect(read(only('out.img'))).rejects.toThrow('leads out')
  })

  test('a link that comes between looking and opening leads nowhere', async () => {
    await writeFile(join(opened, 'a/b/disk.img'), 'secret')
    const seen = await item('a/b/disk.img')
    await rm(join(opened, 'a/b'), { recursive: true })
    await mkdir(join(temporary.path, 'elsewhere'))
    await link(join(temporary.path, 'secret'), join(temporary.path, 'elsewhere/disk.img'))
    await symlink(join(temporary.path, 'elsewhere'), join(opened, 'a/b'))
    await expect(read(seen)).rejects.toThrow('leads out')
  })

  test.each(['../secret', 'a/../../secret', './x', 'a//b', '/etc/passwd', ''])(
    'no name leads out: %j',
    async (name) => {
      await expect(read(only(name))).rejects.toMatchObject({ reason: 'NOT_ALLOWED' })
    },
  )

  test('names that nobody can see are refused, and written so that they do no harm', async () => {
    await writeFile(join(opened, 'a\nb.img'), 'x')
    await writeFile(join(opened, 'gnp.\u202egmi'), 'x')
    await writeFile(Buffer.concat([Buffer.from(`${opened}/`), Buffer.from([0xff, 0x41])]), 'x')
    const found = await items()
    expect(found.map(({ name }) => name)).toEqual([
      'a\\u{a}b.img',
      'gnp.\\u{202e}gmi',
      '\\u{fffd}A',
    ])
    for (const one of found) expect(one.refused).toMatchObject({ reason: 'INVALID_NAME' })
  })

  test('a file that changed since it was found is not opened', async () => {
    await writeFile(join(opened, 'disk.img'), 'disk')
    const seen = await item('disk.img')
    await writeFile(join(opened, 'new'), 'disc')
    await rename(join(opened, 'new'), join(opened, 'disk.img'))
    await expect(read(seen)).rejects.toMatchObject({ reason: 'FILE_CHANGED' })
    await rm(join(opened, 'disk.img'))
    await expect(read(seen)).rejects.toMatchObject({ reason: 'UNREADABLE' })
  })

  test('a file that changes while it is read ends in an error', async () => {
    const path = join(opened, 'disk.img')
    await writeFile(path, Buffer.alloc(3 * 1024 * 1024))
    const parts = origin().open(await item('disk.img'), signal)
    await parts.next()
    await truncate(path, 2 * 1024 * 1024)
    const rest = async () => {
      for await (const _ of parts);
    }
    await expect(rest()).rejects.toMatchObject({ reason: 'FILE_CHANGED' })
  })

  test('what its owner did not open is not looked at, whatever way leads there', async () => {
    await symlink(temporary.path, join(opened, 'up'))
    for (const path of [
      temporary.path,
      '/etc',
      join(opened, '..'),
      join(opened, 'up'),
      `${opened}2`,
    ]) {
      const known = path.endsWith('2') ? 'UNREADABLE' : 'NOT_ALLOWED'
      await expect(items(path)).rejects.toMatchObject({ reason: known })
    }
    await expect(items(temporary.path)).rejects.toThrow('--import-from')
  })
})
