import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { frameLength } from '../content/frame.ts'
import type { Failure } from '../failure.ts'
import { wrong } from './format.ts'
import type { Qcow2 } from './qcow2.ts'

/** Fills `into` from this place of the qcow2 file. */
export type ReadAt = (offset: number, into: Uint8Array) => void

/** Where some bytes of the disk lie in the file; what no piece covers is zeros. */
interface Piece {
  readonly kind: 'plain' | 'packed'
  /** Within the stretch that is read. */
  readonly at: number
  readonly length: number
  readonly offset: number
  readonly storedBytes: number
}

/**
 * Reads a stretch of the disk, whose start is aligned to clusters, into the start of `into`. Answers false, and touches
 * nothing, where the tables say that all of it is zeros. Throws WRONG_FORMAT where a table or a cluster makes no sense.
 */
export function readClusters(
  image: Qcow2,
  offset: number,
  length: number,
  into: Uint8Array,
  readAt: ReadAt,
): boolean {
  const pieces = [...piecesOf(image, offset, length, readAt)]
  if (pieces.length === 0) return false
  let done = 0
  for (const piece of pieces) {
    into.fill(0, done, piece.at)
    done = piece.at + piece.length
    const part = into.subarray(piece.at, done)
    if (piece.kind === 'plain') readAt(piece.offset, part)
    else unpackCluster(image, piece, part, readAt)
  }
  into.fill(0, done, length)
  return true
}

/** The pieces in order, neighbours joined. */
function* piecesOf(image: Qcow2, offset: number, length: number, readAt: ReadAt): Generator<Piece> {
  let last: Piece | undefined
  for (const { entry, at } of l2Entries(image, offset, length, readAt)) {
    const piece = pieceOf(image, entry, at, Math.min(2 ** image.clusterBits, length - at))
    if (piece === undefined) continue
    if (last !== undefined && follows(last, piece)) {
      last = { ...last, length: last.length + piece.length }
      continue
    }
    if (last !== undefined) yield last
    last = piece
  }
  if (last !== undefined) yield last
}

function follows(last: Piece, next: Piece): boolean {
  if (last.kind !== 'plain' || next.kind !== 'plain') return false
  return last.offset + last.length === next.offset && last.at + last.length === next.at
}

/** The L2 entries of the stretch, without those of tables that are not there, and where their clusters begin in it. */
function* l2Entries(
  image: Qcow2,
  offset: number,
  length: number,
  readAt: ReadAt,
): Generator<{ readonly entry: bigint; readonly at: number }> {
  const clusterBytes = 2 ** image.clusterBits
  const perTable = clusterBytes / 8
  const first = offset / clusterBytes
  const end = Math.ceil((offset + length) / clusterBytes)
  const firstTable = Math.floor(first / perTable)
  const tables = words(Math.ceil(end / perTable) - firstTable)
  readAt(image.l1Offset + firstTable * 8, bytesOf(tables))
  for (let i = 0; i < tables.byteLength / 8; i++) {
    const table = l2Offset(image, tables.getBigUint64(i * 8))
    if (table === 0) continue
    const from = Math.max(first, (firstTable + i) * perTable)
    const to = Math.min(end, (firstTable + i + 1) * perTable)
    const entries = words(to - from)
    const place = table + (from % perTable) * 8
    if (place + entries.byteLength > image.fileBytes) throw outside(image, 'an L2 table', place)
    readAt(place, bytesOf(entries))
    for (let k = 0; k < to - from; k++) {
      const entry = entries.getBigUint64(k * 8)
      if (entry !== 0n) yield { entry, at: (from + k) * clusterBytes - offset }
    }
  }
}

function words(count: number): DataView<ArrayBuffer> {
  return new DataView(new ArrayBuffer(count * 8))
}

function bytesOf(view: DataView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(view.buffer)
}

const [copied, packed, zero] = [1n << 63n, 1n << 62n, 1n] as const
const offsetMask = 0x00ff_ffff_ffff_fe00n

function l2Offset(image: Qcow2, entry: bigint): number {
  if ((entry & ~(offsetMask | copied)) !== 0n) throw senseless(image, 'L1', entry)
  return placeOf(image, 'an L2 table', entry)
}

function pieceOf(image: Qcow2, entry: bigint, at: number, length: number): Piece | undefined {
  if ((entry & packed) !== 0n) return packedPiece(image, entry, at, length)
  const flags = image.version === 3 ? copied | zero : copied
  if ((entry & ~(offsetMask | flags)) !== 0n) throw senseless(image, 'L2', entry)
  const offset = placeOf(image, 'a cluster', entry)
  if (offset === 0 || (entry & zero) !== 0n) return undefined
  if (offset + length > image.fileBytes) throw outside(image, 'a cluster', offset)
  return { kind: 'plain', at, length, offset, storedBytes: length }
}

/** A whole place in the file that the entry names, or 0. */
function placeOf(image: Qcow2, what: string, entry: bigint): number {
  const offset = Number(entry & offsetMask)
  if (offset % 2 ** image.clusterBits !== 0) throw outside(image, what, offset)
  if (offset >= image.fileBytes) throw outside(image, what, offset)
  return offset
}

const sectorBytes = 512

/** A compressed cluster's entry: its offset in the lower bits, and in the upper ones how many more sectors it reaches into. */
function packedPiece(image: Qcow2, entry: bigint, at: number, length: number): Piece {
  if ((entry & copied) !== 0n) throw senseless(image, 'L2', entry)
  const offsetBits = BigInt(62 - (image.clusterBits - 8))
  const rest = entry & (packed - 1n)
  const offset = Number(rest & ((1n << offsetBits) - 1n))
  const sectors = Number(rest >> offsetBits) + 1
  if (offset === 0 || offset >= image.fileBytes) {
    throw outside(image, 'a compressed cluster', offset)
  }
  const reach = sectors * sectorBytes - (offset % sectorBytes)
  const storedBytes = Math.min(reach, image.fileBytes - offset)
  return { kind: 'packed', at, length, offset, storedBytes }
}

function unpackCluster(image: Qcow2, piece: Piece, into: Uint8Array, readAt: ReadAt): void {
  const stored = Buffer.allocUnsafe(piece.storedBytes)
  readAt(piece.offset, stored)
  const raw = inflated(image, stored)
  const clusterBytes = 2 ** image.clusterBits
  if (raw?.length !== clusterBytes) {
    const where = `a compressed cluster at byte ${piece.offset}`
    throw broken(image, `has ${where} that does not unpack to ${clusterBytes} bytes`)
  }
  into.set(raw.subarray(0, piece.length))
}

/** What comes of the stored bytes, behind which there may be others up to the end of the sector; nothing if they are broken. */
function inflated({ compression, clusterBits }: Qcow2, stored: Buffer): Buffer | undefined {
  const maxOutputLength = 2 ** clusterBits
  // A little more than is made, so that one buffer does.
  const options = { maxOutputLength, chunkSize: maxOutputLength + 64 }
  try {
    if (compression === 'zlib') return inflateRawSync(stored, options)
    const length = frameLength(stored)
    if (length === undefined) return undefined
    return zstdDecompressSync(stored.subarray(0, length), options)
  } catch {
    return undefined
  }
}

function senseless(image: Qcow2, table: string, entry: bigint): Failure {
  return broken(image, `has an ${table} entry 0x${entry.toString(16)}, which means nothing`)
}

function outside(image: Qcow2, what: string, offset: number): Failure {
  const { fileBytes } = image
  return broken(image, `places ${what} at byte ${offset} of ${fileBytes}, where none can be`)
}

function broken({ path }: Qcow2, message: string): Failure {
  const advice = 'fetch it again, or look at it with `qemu-img check`'
  return wrong(path, 'qcow2', `${path} ${message}: ${advice}`)
}
