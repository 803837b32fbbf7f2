import * as fs from 'node:fs/promises'
import type { FileHandle, Files } from '../../lib/chunks/files.ts'

export type Operation = 'open' | 'write' | 'sync' | 'close' | 'link' | 'unlink' | 'mkdir' | 'read'

export interface Faults {
  /** The error of this call, or nothing; the count starts at 0 for each kind of call. */
  readonly fail?: (operation: Operation, count: number) => string | undefined
  /** How many bytes a write may write at most. */
  readonly writeAtMost?: (count: number) => number
}

/** The real file system, with faults where a test wants them. */
export function faulty({ fail, writeAtMost }: Faults): Files {
  const counts = new Map<Operation, number>()
  const step = (operation: Operation): number => {
    const count = counts.get(operation) ?? 0
    counts.set(operation, count + 1)
    const code = fail?.(operation, count)
    if (code !== undefined) throw Object.assign(new Error(`${code} at ${operation}`), { code })
    return count
  }
  const wrap = (handle: fs.FileHandle): FileHandle => ({
    read(into, at, length, position) {
      step('read')
      return handle.read(into, at, length, position)
    },
    write(bytes, from, length, position) {
      const count = step('write')
      const most = writeAtMost?.(count) ?? length
      if (most < 1) return Promise.resolve({ bytesWritten: 0 })
      return handle.write(bytes, from, Math.min(length, most), position)
    },
    async sync() {
      step('sync')
      await handle.sync()
    },
    async close() {
      await handle.close()
      step('close')
    },
  })
  return {
    async open(file, flags) {
      step('open')
      return wrap(await fs.open(file, flags))
    },
    async link(from, to) {
      step('link')
      await fs.link(from, to)
    },
    async unlink(file) {
      step('unlink')
      await fs.unlink(file)
    },
    async mkdir(folder, options) {
      step('mkdir')
      return fs.mkdir(folder, options)
    },
    readdir: (folder) => fs.readdir(folder),
    stat: (file) => fs.stat(file),
  }
}
