import { createHash } from 'node:crypto'
import { digestBytes, joinDigests, splitDigests } from '../content/digest.ts'
import { corrupt, type Failure } from '../failure.ts'
import { codecNumber, codecOf, flawOf } from './entry.ts'
import type { RunEntry } from './source.ts'

// The bytes of a pack; docs/format.md is the specification.
const headMagic = Buffer.from('MRGPACK\x01', 'latin1')
const footMagic = Buffer.from('MRGPEND\x01', 'latin1')
const entryBytes = 48
const footerBytes = 56

export const packHeaderBytes = headMagic.length

/** A chunk and where it lies in its pack. */
export interface PackEntry extends RunEntry {
  readonly offset: number
}

/** Reads exactly `length` bytes of a pack. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>

export function packHeader(): Buffer {
  return Buffer.from(headMagic)
}

/** Where chunks lie that are stored one after another behind the header. */
export function layOut(entries: readonly RunEntry[]): PackEntry[] {
  let offset = packHeaderBytes
  return entries.map((entry) => {
    const placed = { ...entry, offset }
    offset += entry.storedBytes
    return placed
  })
}

/** The size of a pack of so many chunks, which take so many bytes. */
export function packSizeOf(chunks: number, chunkBytes: number): number {
  return packHeaderBytes + chunkBytes + chunks * entryBytes + footerBytes
}

/** What follows the stored chunks: the index and the footer. */
export function packTrailer(entries: readonly RunEntry[]): Buffer {
  const placed = layOut(entries)
  const last = placed.at(-1)
  const indexOffset = last === undefined ? packHeaderBytes : last.offset + last.storedBytes
  const indexBytes = placed.length * entryBytes
  const trailer = Buffer.alloc(indexBytes + footerBytes)
  placed.forEach((entry, i) => {
    writeEntry(entry, trailer, i * entryBytes)
  })
  trailer.writeUInt32LE(placed.length, indexBytes)
  trailer.writeUInt32LE(indexBytes, indexBytes + 4)
  trailer.writeBigUInt64LE(BigInt(indexOffset + trailer.length), indexBytes + 8)
  checksumOf(trailer.subarray(0, indexBytes + 16)).copy(trailer, indexBytes + 16)
  footMagic.copy(trailer, indexBytes + 48)
  return trailer
}

/** The index of a pack of `sizeBytes`, in two reads, from nothing but the pack. */
export async function readPackIndex(read: ReadRange, sizeBytes: number): Promise<PackEntry[]> {
  const footerOffset = sizeBytes - footerBytes
  if (footerOffset < packHeaderBytes) throw damaged(`${sizeBytes} bytes are too few`)
  const footer = bufferOf(await read(footerOffset, footerBytes))
  if (!footer.subarray(48).equals(footMagic)) throw damaged('it does not end in a footer')
  const count = footer.readUInt32LE(0)
  const indexBytes = footer.readUInt32LE(4)
  const indexOffset = footerOffset - indexBytes
  if (footer.readBigUInt64LE(8) !== BigInt(sizeBytes)) throw damaged('its length is another')
  if (indexBytes !== count * entryBytes || indexOffset < packHeaderBytes) {
    throw damaged(`an index of ${indexBytes} bytes does not hold ${count} entries`)
  }
  const index = bufferOf(
    indexBytes === 0 ? footer.subarray(0, 0) : await read(indexOffset, indexBytes),
  )
  const sum = checksumOf(index, footer.subarray(0, 16))
  if (!sum.equals(footer.subarray(16, 48))) throw damaged('its index has another checksum')
  const entries = Array.from({ length: count }, (_, i) => readEntry(index, i * entryBytes))
  checkContiguous(entries, indexOffset)
  return entries
}

function writeEntry(entry: PackEntry, into: Buffer, at: number): void {
  joinDigests([entry.digest]).copy(into, at)
  into.writeUInt32LE(entry.offset, at + 32)
  into.writeUInt32LE(entry.storedBytes, at + 36)
  into.writeUInt32LE(entry.rawBytes, at + 40)
  into.writeUInt32LE(codecNumber(entry.codec), at + 44)
}

function readEntry(index: Buffer, at: number): PackEntry {
  const [digest] = splitDigests(index.subarray(at, at + digestBytes))
  const codec = codecOf(index.readUInt32LE(at + 44))
  if (digest === undefined || codec === undefined) throw damaged('it names an unknown codec')
  const entry = {
    digest,
    codec,
    offset: index.readUInt32LE(at + 32),
    storedBytes: index.readUInt32LE(at + 36),
    rawBytes: index.readUInt32LE(at + 40),
  }
  const flaw = flawOf(entry)
  if (flaw !== undefined) throw damaged(`a chunk has ${flaw}`)
  return entry
}

/** The chunks fill the space between header and index exactly. */
function checkContiguous(entries: readonly PackEntry[], indexOffset: number): void {
  let end = packHeaderBytes
  for (const entry of entries) {
    if (entry.offset !== end) throw damaged(`a chunk lies at ${entry.offset} rather than ${end}`)
    end += entry.storedBytes
  }
  if (end !== indexOffset)
    throw damaged(`its chunks end at ${end}, its index begins at ${indexOffset}`)
}

function checksumOf(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function damaged(why: string): Failure {
  return corrupt('PACK_CORRUPT', `the pack is damaged: ${why}`)
}
