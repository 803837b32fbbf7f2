import { createHash } from 'node:crypto'
import { ahead } from '../chunks/ahead.ts'
import { type HealingSource, takeAll } from '../chunks/healing.ts'
import type { Run } from '../chunks/source.ts'
import type { Verify } from '../chunks/verified.ts'
import { type Digest, digestBytes, splitDigests } from '../content/digest.ts'
import type { Extents } from '../content/extents.ts'
import { corrupt, missing } from '../failure.ts'
import type { Body } from './body.ts'
import { holeFrame, mostHoleBytes, plainFrame } from './frames.ts'

// The chunks of a file are stored as zstd frames, and so the frames one after another are the file as zstd. Which bytes a frame
// has is up to whoever compressed it. So what was digested is kept piece by piece, and nothing else is ever sent.

export interface FramesDeps {
  readonly store: HealingSource
  readonly verify: Verify
}

/** A hole or a chunk; what is a frame. */
type Unit = { readonly hole: number } | { readonly digest: Digest; readonly length: number }

const unitsAPiece = 32
const aheadPieces = 2
const rowBytes = 4 + digestBytes

/** The frames in pieces, every chunk checked. */
export function zstdPieces(
  extents: Extents,
  deps: FramesDeps,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  return ahead(piecesOf(extents), aheadPieces, (units) => makePiece(units, deps, signal))
}

/** What a piece is recognised by. */
export function pieceRow(piece: Buffer): Buffer {
  const row = Buffer.alloc(rowBytes)
  row.writeUInt32BE(piece.length)
  createHash('sha256').update(piece).digest().copy(row, 4)
  return row
}

/** How many bytes the rows of a file take. */
export function rowsBytes(extents: Extents): number {
  return Array.from(piecesOf(extents)).length * rowBytes
}

/** A file as zstd, as its rows say it was digested; `changed` is thrown once a piece is another one. */
export function zstdBody(
  extents: Extents,
  rows: Buffer,
  deps: FramesDeps,
  changed: () => Error,
): Body {
  const places: Place[] = []
  let sizeBytes = 0
  Array.from(piecesOf(extents)).forEach((units, i) => {
    const row = rows.subarray(i * rowBytes, (i + 1) * rowBytes)
    const start = sizeBytes
    sizeBytes += row.readUInt32BE()
    places.push({ units, row, start, end: sizeBytes })
  })
  return {
    sizeBytes,
    async *read(start, end, signal) {
      const make = async (place: Place) => {
        const piece = await makePiece(place.units, deps, signal)
        if (!pieceRow(piece).equals(place.row)) throw changed()
        return { piece, at: place.start }
      }
      const asked = places.filter((place) => place.start < end && place.end > start)
      for await (const { piece, at } of ahead(asked, aheadPieces, make)) {
        yield piece.subarray(Math.max(start - at, 0), end - at)
      }
    },
  }
}

interface Place {
  readonly units: readonly Unit[]
  readonly row: Buffer
  readonly start: number
  readonly end: number
}

function* piecesOf(extents: Extents): Generator<Unit[]> {
  let piece: Unit[] = []
  for (const unit of unitsOf(extents)) {
    piece.push(unit)
    if (piece.length < unitsAPiece) continue
    yield piece
    piece = []
  }
  if (piece.length > 0) yield piece
}

function* unitsOf({ lengths, digests }: Extents): Generator<Unit> {
  const names = splitDigests(digests).values()
  for (const length of lengths) {
    const digest = length > 0 ? names.next().value : undefined
    if (digest !== undefined) yield { digest, length }
    for (let left = -length; left > 0; left -= mostHoleBytes) {
      yield { hole: Math.min(left, mostHoleBytes) }
    }
  }
}

async function makePiece(
  units: readonly Unit[],
  { store, verify }: FramesDeps,
  signal: AbortSignal,
): Promise<Buffer> {
  const wanted = new Set(units.flatMap((unit) => ('digest' in unit ? [unit.digest] : [])))
  const frames = new Map<Digest, { readonly frame: Uint8Array; readonly rawBytes: number }>()
  const take = async (run: Run): Promise<void> => {
    const { entries, payload } = await verify(run, signal)
    let at = 0
    for (const { digest, codec, storedBytes, rawBytes } of entries) {
      const stored = payload.subarray(at, (at += storedBytes))
      frames.set(digest, { frame: codec === 'zstd' ? stored : plainFrame(stored), rawBytes })
    }
  }
  if (wanted.size > 0) await takeAll(store, [...wanted], take, signal)
  return Buffer.concat(
    units.map((unit) => {
      if ('hole' in unit) return holeFrame(unit.hole)
      const { digest, length } = unit
      const came = frames.get(digest)
      if (came === undefined) {
        throw missing('CHUNK_NOT_FOUND', `chunk ${digest} did not come`, { digest })
      }
      if (came.rawBytes === length) return came.frame
      throw corrupt('CHUNK_CORRUPT', `chunk ${digest} is not ${length} bytes long`, { digest })
    }),
  )
}
