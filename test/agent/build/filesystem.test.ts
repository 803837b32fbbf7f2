import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import {
  checkFilesystem,
  isAtRest,
  makeFilesystem,
  uuidOf,
} from '../../../agent/build/filesystem.ts'
import { contentOf } from '../../../agent/build/volumes.ts'
import { toolPath } from '../../../agent/build/toolpath.ts'
import { placesIn } from '../../../agent/build/plan.ts'
import { temporaryFolder } from '../../support/folder.ts'

const wish = { sizeBytes: 64 * 1024 ** 2, seed: 'debian-13-std-x86', epoch: 1_700_000_000 }

function run({ argv, environment }: ReturnType<typeof makeFilesystem>): string {
  const [program = '', ...args] = argv
  return execFileSync(program, args, { env: { PATH: toolPath, ...environment } }).toString()
}

test('a tree becomes a clean ext4 of the size that was asked for, with the ids of its line', async () => {
  await using folder = await temporaryFolder()
  const places = placesIn(folder.path)
  for (const path of [places.root, places.temporary]) await mkdir(path)
  await writeFile(`${places.root}/hello`, 'world')
  run(makeFilesystem(places, { ...wish, readsTar: false }))
  run(checkFilesystem(places.rootfs))
  const image = await readFile(places.rootfs)
  expect(image.length).toBe(wish.sizeBytes)
  expect(contentOf(image)).toBe('ext')
  expect(await isAtRest(places.rootfs)).toBe(true)
  const env = { PATH: toolPath }
  const about = execFileSync('dumpe2fs', ['-h', places.rootfs], { env, stdio: 'pipe' }).toString()
  expect(about).toContain(uuidOf(`file system ${wish.seed}`))
  expect(about).toContain(uuidOf(`hash seed ${wish.seed}`))
})

test('where mke2fs reads a tar, it gets one that is the same each time', () => {
  const { argv, environment } = makeFilesystem(placesIn('/builds'), { ...wish, readsTar: true })
  const script = argv.join(' ')
  expect(script).toContain('--sort=name --numeric-owner')
  expect(script).toContain('--clamp-mtime --mtime="@$SOURCE_DATE_EPOCH"')
  expect(script).toContain('mke2fs "$@" -d -')
  expect(environment).toMatchObject({ SOURCE_DATE_EPOCH: '1700000000' })
})

test('ids are UUIDs, the same for the same text', () => {
  expect(uuidOf('a')).toBe(uuidOf('a'))
  expect(uuidOf('a')).not.toBe(uuidOf('b'))
  expect(uuidOf('a')).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
})
