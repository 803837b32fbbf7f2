import { rename, rm, stat } from 'node:fs/promises'
import { Failure } from '../../lib/failure.ts'
import type { Bench, Job } from './bench.ts'
import type { Hygiene } from './checks.ts'
import { type Contents, contentsOf } from './disk.ts'
import { identityOf } from './filling.ts'
import { uncleanIn } from './hygiene.ts'
import { epochOf, identityPath } from './identity.ts'
import { imprint } from './imprint.ts'
import { lookInto } from './looking.ts'
import type { Disk } from './making.ts'
import type { LeftDisk } from './output.ts'
import { unpackQcow2 } from './qcow2.ts'

/** Finds out what is in a disk that a command left, and says in it who it is, where that can be done safely. */
export async function finishDisk(job: Job, left: LeftDisk, bench: Bench): Promise<Disk> {
  const { fsck, hygiene } = job.recipe.checks
  const isLookedAt = fsck || hygiene
  const disk = isLookedAt ? await unpacked(job, left, bench) : left
  const contents =
    disk.format === 'raw'
      ? await contentsOf(disk.rootfs)
      : { filesystems: [], unread: ['the disk is a qcow2 that was not unpacked'] }
  await name(job, contents, bench)
  const seen = hygiene ? await lookFor(contents, bench) : { unclean: [], unread: [] }
  const isFilesystem = contents.filesystems.some(isPlain)
  return { ...disk, isFilesystem, contents, hygiene: seen, inputs: undefined }
}

function isPlain({ offset }: Contents['filesystems'][number]): boolean {
  return offset === 0
}

/** What is in a qcow2 can be looked into once it is unpacked. One that is not understood stays: who publishes it says why. */
async function unpacked({ recipe }: Job, left: LeftDisk, bench: Bench): Promise<LeftDisk> {
  const { rootfs, format } = left
  if (format !== 'qcow2') return left
  bench.tell({ step: 'unpacking the disk' })
  const raw = `${rootfs}.unpacked`
  try {
    await unpackQcow2(rootfs, raw, recipe.sizeBytes, bench.signal)
  } catch (error) {
    await rm(raw, { force: true })
    if (error instanceof Failure && error.reason === 'WRONG_FORMAT') return left
    throw error
  }
  await rm(rootfs)
  const place = rootfs.replace(/\.qcow2$/, '.raw')
  await rename(raw, place)
  const { blocks } = await stat(place)
  bench.journal.say(`unpacked the disk: ${blocks * 512} bytes`)
  return { ...left, rootfs: place, format: 'raw' }
}

async function name(job: Job, contents: Contents, bench: Bench): Promise<void> {
  const text = identityOf(job, undefined, '', bench)
  const plain = contents.filesystems.find(isPlain)
  const why =
    plain === undefined
      ? 'the disk is no plain ext4'
      : await imprint(plain, { text, epoch: epochOf(job.image, bench.now()) }, bench)
  if (why === undefined) return
  bench.journal.say(
    `${identityPath} is not inside: ${why}. The portal knows what it would say: provenance in GetImage.`,
  )
}

async function lookFor(contents: Contents, bench: Bench): Promise<Hygiene> {
  bench.tell({ step: 'looking into the disk' })
  const { listing, unread } = await lookInto(contents, bench)
  return { unclean: uncleanIn(listing), unread }
}
