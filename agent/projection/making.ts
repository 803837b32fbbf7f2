import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { constants, createZstdCompress } from 'node:zlib'
import type { HealingSource } from '../../lib/chunks/healing.ts'
import type { Manifest } from '../../lib/content/manifest.ts'
import { errorCode, precondition } from '../../lib/failure.ts'
import { writeOut } from '../../lib/images/writeout.ts'
import { writeFault } from '../../lib/workers/faults.ts'
import type { Pool } from '../../lib/workers/pool.ts'
import type { Form } from './layout.ts'
import type { Wanted } from './plan.ts'

export interface MakingDeps {
  readonly store: HealingSource
  readonly pool: Pool
  readonly newUuid: () => string
  /** Of an image that is here. */
  readonly manifestOf: (image: string) => Manifest
}

/** Writes a file of an image to a path in the form that is wanted; every chunk is verified on the way. */
export async function makeFile(
  { image, file, form }: Wanted,
  path: string,
  { store, pool, newUuid, manifestOf }: MakingDeps,
  signal: AbortSignal,
): Promise<void> {
  const artifact = manifestOf(image).artifacts.find(
    ({ kind, boot }) => kind === file.kind && boot === file.boot,
  )
  if (artifact === undefined) throw new Error(`${image} has no such ${file.kind}`)
  const raw = form === 'raw' ? path : `${path}.raw`
  try {
    const options = { replace: false, random: newUuid() }
    for await (const _ of writeOut(artifact, store, raw, pool, options, signal));
    await conversions[form](raw, path, signal)
  } finally {
    if (raw !== path) await rm(raw, { force: true })
  }
}

const run = promisify(execFile)

const conversions: Readonly<
  Record<Form, (raw: string, path: string, signal: AbortSignal) => Promise<void>>
> = {
  raw: () => Promise.resolve(),
  async zstd(raw, path, signal) {
    const params = {
      [constants.ZSTD_c_compressionLevel]: 3,
      [constants.ZSTD_c_checksumFlag]: 1,
    }
    const steps = [createReadStream(raw), createZstdCompress({ params }), createWriteStream(path)]
    await pipeline(steps, { signal }).catch((error: unknown) => {
      throw writeFault(path, error)
    })
  },
  async qcow2(raw, path, signal) {
    const argv = ['convert', '-f', 'raw', '-O', 'qcow2', raw, path]
    await run('qemu-img', argv, { signal }).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') throw noConverter(error)
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
      throw precondition('UNWRITABLE', `qemu-img cannot write ${path}: ${said}`, { path }, error)
    })
  },
}

function noConverter(cause: unknown) {
  const advice = 'install qemu-utils, or lay images out as raw or zstd'
  return precondition('UNWRITABLE', `qcow2 needs qemu-img: ${advice}`, {}, cause)
}
