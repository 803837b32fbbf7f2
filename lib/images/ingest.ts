import type { ChunkStore } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import type { Extents } from '../content/extents.ts'
import { type Artifact, type Kind, type Manifest, rankOf } from '../content/manifest.ts'
import { checkManifest } from '../content/wellformed.ts'
import type { Pool } from '../workers/pool.ts'
import { cutInputs } from './cutting.ts'
import { type Input, type InputFile, openInputs } from './input.ts'
import { reporting } from './reporting.ts'
import { type IngestProgress, startSupply } from './supply.ts'
import { together } from './together.ts'

const mediaTypes: Readonly<Record<Kind, string>> = {
  rootfs: 'application/vnd.merge.image.rootfs',
  kernel: 'application/vnd.merge.image.kernel',
  initramfs: 'application/vnd.merge.image.initramfs',
}

/** Where an ingest puts chunks. */
export type IngestStore = Pick<ChunkStore, 'missing' | 'store'>

export interface IngestOptions {
  /** How many calls of `store` share the work. */
  readonly streams?: number
}

/** Cuts the files into chunks, stores those that the store lacks, and returns the manifest, which is then the caller's. */
export function ingest(
  files: readonly InputFile[],
  store: IngestStore,
  pool: Pool,
  { streams = 4 }: IngestOptions,
  signal?: AbortSignal,
): AsyncGenerator<IngestProgress, Manifest, undefined> {
  return reporting(async (report, stop) => {
    await using opened = await openInputs(files)
    const { inputs } = opened
    const [digests, extents] = await together(
      (both) => [hashAll(inputs, pool, both), storeNew(inputs, store, pool, streams, report, both)],
      stop,
    )
    for (const input of inputs) await input.checkUnchanged()
    const artifacts = inputs.flatMap((input, i) => {
      const [sha256, whole] = [digests[i], extents[i]]
      return sha256 === undefined || whole === undefined ? [] : [artifactOf(input, sha256, whole)]
    })
    const manifest = { artifacts: artifacts.sort((one, other) => rankOf(one) - rankOf(other)) }
    checkManifest(manifest)
    return manifest
  }, signal)
}

/** The digests of the whole files, each read from front to back beside the cutting. */
async function hashAll(
  inputs: readonly Input[],
  pool: Pool,
  signal: AbortSignal,
): Promise<Digest[]> {
  return together(
    (stop) => inputs.map((input) => pool.run('hash', input.span(0, input.sizeBytes), stop)),
    signal,
  )
}

/** Stores what the store lacks, through several calls that share one supply, and returns the inputs' extents. */
async function storeNew(
  inputs: readonly Input[],
  store: IngestStore,
  pool: Pool,
  streams: number,
  report: (progress: IngestProgress) => void,
  signal: AbortSignal,
): Promise<Extents[]> {
  await using cleanup = new AsyncDisposableStack()
  const supply = startSupply(inputs, report)
  try {
    await together((stop) => {
      const runs = supply.runsOf(cutInputs(inputs, store, pool, stop), stop)
      cleanup.defer(async () => {
        await runs.return()
      })
      return Array.from({ length: streams }, () => store.store(runs, stop))
    }, signal)
  } catch (error) {
    // The store's error may be no more than that its input failed.
    throw supply.fault() ?? error
  }
  return supply.extents()
}

function artifactOf(input: Input, sha256: Digest, extents: Extents): Artifact {
  const { kind, format, boot = 'any' } = input.file
  return {
    kind,
    mediaType: mediaTypes[kind],
    format,
    boot,
    sizeBytes: input.sizeBytes,
    sha256,
    extents,
  }
}
