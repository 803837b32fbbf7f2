import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import type { Shelf } from '../../agent/projection/shelf.ts'

/** A shelf that is new and empty, and a way to read it from outside. */
export interface OpenShelf extends AsyncDisposable {
  readonly shelf: Shelf
  /** Undefined where nothing lies. */
  readonly read: (key: string) => Promise<string | undefined>
  readonly overwrite: (key: string, text: string) => Promise<void>
}

const { signal } = new AbortController()

/** What every shelf does. */
export function shelfContract(open: () => Promise<OpenShelf>): void {
  const staged = async ({ staging }: Shelf, text: string): Promise<string> => {
    const path = join(staging, randomUUID())
    await writeFile(path, text)
    return path
  }

  test('a file lies under its key, whole, until it is removed', async () => {
    await using opened = await open()
    const { shelf, read } = opened
    const token = await shelf.put(await staged(shelf, 'disk'), 'bios/lab1/a-rootfs', signal)
    expect(await read('bios/lab1/a-rootfs')).toBe('disk')
    expect(await shelf.look('bios/lab1/a-rootfs', signal)).toBe(token)
    await shelf.remove('bios/lab1/a-rootfs', signal)
    expect(await read('bios/lab1/a-rootfs')).toBeUndefined()
    expect(await shelf.look('bios/lab1/a-rootfs', signal)).toBeUndefined()
    await shelf.remove('bios/lab1/a-rootfs', signal)
  })

  test('a file takes the place of another, and is told from it', async () => {
    await using opened = await open()
    const { shelf, read } = opened
    const first = await shelf.put(await staged(shelf, 'one'), 'a', signal)
    const second = await shelf.put(await staged(shelf, 'two'), 'a', signal)
    expect(await read('a')).toBe('two')
    expect(second).not.toBe(first)
    expect(await shelf.look('a', signal)).toBe(second)
  })

  test('a copy lies under its own key, also once the first is gone or another', async () => {
    await using opened = await open()
    const { shelf, read } = opened
    await shelf.put(await staged(shelf, 'disk'), 'a', signal)
    const token = await shelf.copy('a', 'b/c', signal)
    expect(await shelf.look('b/c', signal)).toBe(token)
    await shelf.put(await staged(shelf, 'other'), 'a', signal)
    expect(await read('b/c')).toBe('disk')
    await shelf.remove('a', signal)
    expect(await read('b/c')).toBe('disk')
  })

  test('a copy over the same file, or of what is gone, does no harm', async () => {
    await using opened = await open()
    const { shelf, read } = opened
    await shelf.put(await staged(shelf, 'disk'), 'a', signal)
    await shelf.copy('a', 'b', signal)
    await shelf.copy('a', 'b', signal)
    expect(await read('b')).toBe('disk')
    expect(await shelf.copy('none', 'b', signal)).toBeUndefined()
    expect(await read('b')).toBe('disk')
  })

  test('what somebody else wrote under a key is another file', async () => {
    await using opened = await open()
    const { shelf, overwrite } = opened
    const token = await shelf.put(await staged(shelf, 'disk'), 'a', signal)
    await overwrite('a', 'something else')
    expect(await shelf.look('a', signal)).not.toBe(token)
  })
}
