import { open } from 'node:fs/promises'
import { sha256 } from '../../lib/content/digest.ts'
import type { Environment, Places, Command } from './plan.ts'

export interface FilesystemWish {
  readonly sizeBytes: number
  /** What its ids are made of, so that the same line has the same ones in each build. */
  readonly seed: string
  /** Seconds since 1970: what is younger in the tree becomes this old. */
  readonly epoch: number
  readonly readsTar: boolean
}

const blockBytes = 4096

/**
 * Makes an ext4 image of the tree, the same one each time as far as mke2fs can: from a tar, which it reads since 1.47.1, to the
 * last bit; from a folder the times of change are those of the folder.
 */
export function makeFilesystem(places: Places, wish: FilesystemWish): Command {
  const { root, rootfs, temporary } = places
  const { sizeBytes, seed, epoch, readsTar } = wish
  const options = [
    ...['-q', '-F', '-t', 'ext4', '-b', String(blockBytes), '-L', 'root'],
    ...['-U', uuidOf(`file system ${seed}`)],
    ...['-E', `hash_seed=${uuidOf(`hash seed ${seed}`)},lazy_itable_init=1,root_owner=0:0`],
  ]
  const blocks = String(Math.floor(sizeBytes / blockBytes))
  return {
    kind: 'run',
    title: 'making the file system',
    argv: [
      'sh',
      '-e',
      '-c',
      readsTar ? fromTar : fromFolder,
      'sh',
      root,
      rootfs,
      blocks,
      ...options,
    ],
    environment: { ...timesOf(epoch), TMPDIR: temporary },
    blame: 'OUTPUT',
  }
}

const opening = 'root=$1 image=$2 blocks=$3; shift 3; rm -f "$image"; '
const fromFolder =
  `${opening}find "$root" -xdev -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; ` +
  'mke2fs "$@" -d "$root" "$image" "$blocks"'
const fromTar =
  `${opening}tar --create --directory "$root" --one-file-system --sort=name --numeric-owner --xattrs --acls --format=posix ` +
  '--pax-option=delete=atime,delete=ctime --clamp-mtime --mtime="@$SOURCE_DATE_EPOCH" . | mke2fs "$@" -d - "$image" "$blocks"'

/** What tools read the time from, where they write one. */
export function timesOf(epoch: number): Environment {
  const seconds = String(epoch)
  return { SOURCE_DATE_EPOCH: seconds, E2FSPROGS_FAKE_TIME: seconds }
}

/** Looks at a file system without touching it; `image` is what e2fsprogs takes. */
export function checkFilesystem(image: string): Command {
  return {
    kind: 'run',
    title: 'checking the file system',
    argv: ['e2fsck', '-f', '-n', image],
    blame: 'OUTPUT',
  }
}

/** A UUID that a text decides: of the kind that is made up, version 8. */
export function uuidOf(text: string): string {
  const hex = sha256(Buffer.from(text))
  const variant = ((parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const stateAt = 1024 + 0x3a
const featuresAt = 1024 + 0x60
const recover = 0x4

/** Whether an ext file system was left in order: without errors, and with nothing in its journal that has to be done yet. */
export async function isAtRest(path: string): Promise<boolean> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2048), 0, 2048, 0)
  return (
    bytesRead === 2048 &&
    buffer.readUInt16LE(stateAt) === 1 &&
    (buffer.readUInt32LE(featuresAt) & recover) === 0
  )
}
