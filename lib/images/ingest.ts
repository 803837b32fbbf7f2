import type { ChunkStore } from '../chunks/source.ts'
import type { Digest } from '../content/digest.ts'
import { type Extents, totalBytes } from '../content/extents.ts'
import { type Artifact, type Kind, type Manifest, rankOf } from '../content/manifest.ts'
import { checkManifest } from '../content/wellformed.ts'
import type { Pool } from '../workers/pool.ts'
import { cutInputs, startSums, type Sums } from './cutting.ts'
import { type Input, type InputFile, openInputs } from './input.ts'
import { reporting } from './reporting.ts'
import { type IngestProgress, startSupply } from './supply.ts'
import { together } from '../chunks/together.ts'

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
  /** The largest disk that a file may unpack to. */
  readonly mostBytes?: number
}

/** Cuts the files into chunks, stores those that the store lacks, and returns the manifest, which is then the caller's. */
export function ingest(
  files: readonly InputFile[],
  store: IngestStore,
  pool: Pool,
  { streams = 4, mostBytes }: IngestOptions,
  signal?: AbortSignal,
): AsyncGenerator<IngestProgress, Manifest, undefined> {
  return reporting(async (report, stop) => {
    await using opened = await openInputs(files, mostBytes)
    const { inputs } = opened
    const sums = startSums()
    const extents = await storeNew(inputs, sums, store, pool, streams, report, stop)
    for (const input of inputs) await input.checkUnchanged()
    const artifacts = inputs.flatMap((input, i) => {
      const whole = extents[i]
      return whole === undefined ? [] : [artifactOf(input, sums.of(input), whole)]
    })
    const manifest = { artifacts: artifacts.sort((one, other) => rankOf(one) - rankOf(other)) }
    checkManifest(manifest)
    return manifest
  }, signal)
}

/** Stores what the store lacks, through several calls that share one supply, and returns the inputs' extents. */
async function storeNew(
  inputs: readonly Input[],
  sums: Sums,
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
      const runs = supply.runsOf(cutInputs(inputs, sums, store, pool, stop), stop)
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
  const { kind, boot = 'any' } = input.file
  return {
    kind,
    mediaType: mediaTypes[kind],
    format: 'raw',
    boot,
    sizeBytes: totalBytes(extents),
    sha256,
    extents,
  }
}
