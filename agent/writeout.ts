import { basename, dirname, join } from 'node:path'
import type { HealingSource } from '../lib/chunks/healing.ts'
import type { Artifact } from '../lib/content/manifest.ts'
import { partialName } from '../lib/images/partial.ts'
import { writeOut } from '../lib/images/writeout.ts'
import type { Pool } from '../lib/workers/pool.ts'
import type { Drafts } from './drafts.ts'
import type { Usage } from './usage.ts'

/** Writes a file of an image to a path outside the agent's folder, which is a use of the image. */
export type WriteOut = (
  image: string,
  artifact: Artifact,
  path: string,
  replace: boolean,
  signal: AbortSignal,
) => AsyncGenerator<{ readonly doneBytes: bigint; readonly totalBytes: bigint }>

export function writesOut(deps: {
  readonly store: HealingSource
  readonly pool: Pool
  readonly drafts: Drafts
  readonly usage: Usage
  readonly newUuid: () => string
}): WriteOut {
  const { store, pool, drafts, usage, newUuid } = deps
  return async function* (image, artifact, path, replace, signal) {
    using _pin = usage.pin(image)
    usage.note(image)
    const random = newUuid()
    using _draft = drafts.remember(join(dirname(path), partialName(basename(path), random)))
    const steps = writeOut(artifact, store, path, pool, { replace, random }, signal)
    for await (const { writtenBytes, totalBytes } of steps) {
      yield { doneBytes: BigInt(writtenBytes), totalBytes: BigInt(totalBytes) }
    }
    await usage.wrote(image, path)
  }
}
