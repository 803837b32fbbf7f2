import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { constants, copyFile, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './program.ts'

/** A disk image on this machine, ready to be published. */
export interface BuildFiles {
  readonly path: string
  readonly kernel?: string
  readonly initramfs?: string
  /** How it came about, in words. */
  readonly made: string
}

/** Two builds of one line, the second newer. */
export type TwoBuilds = readonly [BuildFiles, BuildFiles]

const execute = promisify(execFile)
const script = (name: string) => join(root, 'test/images', name)

/** Builds of a folder tree that is on the machine: the second has some files changed and its layout new. */
export async function treeBuilds(folder: string): Promise<TwoBuilds> {
  const [first, second] = [join(folder, 'first.raw'), join(folder, 'second.raw')]
  await execute(script('tree.sh'), [first, '--pick'])
  await execute(script('tree.sh'), [second, '--pick', '--edit'])
  return [
    { path: first, made: 'an ext4 file system of a folder tree of this machine' },
    { path: second, made: 'the same with some files changed, and all laid out anew' },
  ]
}

/** Real Debian, by mmdebstrap: the second with the security updates. */
export async function debianBuilds(folder: string, grow = false): Promise<TwoBuilds> {
  const [first, second] = [join(folder, 'first.raw'), join(folder, 'second.raw')]
  const more = grow ? ['--grow'] : []
  await execute(script('debian.sh'), [first, ...more])
  await execute(script('debian.sh'), [second, '--security', ...more])
  const files = (path: string) => ({
    path,
    kernel: path.replace('.raw', '.vmlinuz'),
    initramfs: path.replace('.raw', '.initrd'),
  })
  return [
    { ...files(first), made: 'Debian by mmdebstrap' },
    { ...files(second), made: 'Debian by mmdebstrap, with the security updates' },
  ]
}

/** Somebody's own image, and a copy with 64 places changed, as the next build of it. */
export async function ownBuilds(path: string, folder: string): Promise<TwoBuilds> {
  const second = join(folder, 'second.raw')
  await execute('cp', ['--sparse=always', path, second]).catch(() =>
    copyFile(path, second, constants.COPYFILE_FICLONE),
  )
  const { size } = await stat(second)
  const file = await open(second, 'r+')
  try {
    for (let i = 0; i < 64; i++)
      await file.write(randomBytes(4096), 0, 4096, Math.floor((size / 64) * i))
  } finally {
    await file.close()
  }
  return [
    { path, made: 'your image' },
    { path: second, made: 'a copy of it with 64 places changed' },
  ]
}
