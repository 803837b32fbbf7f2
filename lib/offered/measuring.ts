import { createHash } from 'node:crypto'
import type { Verify } from '../chunks/verified.ts'
import type { Digest } from '../content/digest.ts'
import type { Artifact, Manifest } from '../content/manifest.ts'
import { incusMetadata } from './incus.ts'
import {
  fileName,
  incusFile,
  type Forms,
  type Incus,
  type Made,
  type OfferedImage,
} from './offer.ts'
import { qcow2Body } from './qcow2.ts'
import type { ReadDeps } from './raw.ts'
import { pieceRow, zstdPieces } from './zstd.ts'

export interface MeasuringDeps extends ReadDeps {
  readonly verify: Verify
}

/** An image's forms, and the rows of its root file systems' pieces, one after another. */
export interface Measured {
  readonly forms: Forms
  readonly pieces: Buffer
}

/** Reads the root file systems of an image once in each form, for their digests. */
export async function measure(
  image: Pick<OfferedImage, 'name' | 'fields'>,
  { artifacts }: Manifest,
  deps: MeasuringDeps,
  signal: AbortSignal,
): Promise<Measured> {
  const zstd: Record<string, Made> = {}
  const pieces: Buffer[] = []
  for (const artifact of artifacts) {
    if (artifact.kind !== 'rootfs') continue
    const { rows, made } = await measureZstd(artifact, deps, signal)
    zstd[fileName(artifact)] = made
    pieces.push(...rows)
  }
  const disk = incusFile(artifacts)
  const incus = disk === undefined ? undefined : await measureIncus(image, disk, deps, signal)
  return { forms: { zstd, incus }, pieces: Buffer.concat(pieces) }
}

async function measureZstd(
  { extents }: Artifact,
  deps: MeasuringDeps,
  signal: AbortSignal,
): Promise<{ readonly rows: readonly Buffer[]; readonly made: Made }> {
  const whole = createHash('sha256')
  const rows: Buffer[] = []
  let sizeBytes = 0
  for await (const piece of zstdPieces(extents, deps, signal)) {
    whole.update(piece)
    rows.push(pieceRow(piece))
    sizeBytes += piece.length
  }
  return { rows, made: { sizeBytes, sha256: whole.digest('hex') as Digest } }
}

async function measureIncus(
  image: Pick<OfferedImage, 'name' | 'fields'>,
  disk: Artifact,
  deps: MeasuringDeps,
  signal: AbortSignal,
): Promise<Incus> {
  const body = qcow2Body(disk.extents, deps)
  const alone = createHash('sha256')
  const combined = createHash('sha256').update(incusMetadata(image))
  for await (const bytes of body.read(0, body.sizeBytes, signal)) {
    alone.update(bytes)
    combined.update(bytes)
  }
  return {
    file: fileName(disk),
    qcow2: { sizeBytes: body.sizeBytes, sha256: alone.digest('hex') as Digest },
    combined: combined.digest('hex') as Digest,
  }
}
