import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { digestBytes, joinDigests, splitDigests } from '../content/digest.ts'
import { maxChunkBytes } from '../content/gear.ts'
import { type Failure, invalid } from '../failure.ts'
import { codecNumber, codecOf, flawOf } from './entry.ts'
import { joinFingerprints } from './fingerprint.ts'
import { maxRunBytes, type Run, type RunEntry } from './source.ts'

// The fields of ChunkRun in chunk.proto. It is read and written here because the generic codec halves the throughput.
const digestsField = 1
const storedSizesField = 2
const rawSizesField = 3
const codecsField = 4
const payloadField = 5
const fingerprintsField = 7

/** A run as the message ChunkRun, in memory of its own. */
export function encodeRun(run: Run): Buffer {
  return Buffer.concat([encodeHead(run), run.payload])
}

/** A run as the message ChunkRun, at the start of `into`, for whoever copies it at once. */
export function encodeRunInto(into: Uint8Array<ArrayBuffer>, run: Run): Buffer {
  const head = encodeHead(run)
  const length = head.length + run.payload.length
  if (length > into.length) return encodeRun(run)
  into.set(head)
  into.set(run.payload, head.length)
  return Buffer.from(into.buffer, into.byteOffset, length)
}

function encodeHead({ entries, payload }: Run): Uint8Array {
  const head = new BinaryWriter()
  head
    .tag(digestsField, WireType.LengthDelimited)
    .bytes(joinDigests(entries.map((entry) => entry.digest)))
  writePacked(head, storedSizesField, entries, (entry) => entry.storedBytes)
  writePacked(head, rawSizesField, entries, (entry) => entry.rawBytes)
  writePacked(head, codecsField, entries, (entry) => codecNumber(entry.codec))
  if (entries.some(({ fingerprint }) => fingerprint !== undefined)) {
    head
      .tag(fingerprintsField, WireType.LengthDelimited)
      .bytes(joinFingerprints(entries.map(({ fingerprint }) => fingerprint)))
  }
  head.tag(payloadField, WireType.LengthDelimited).uint32(payload.length)
  return head.finish()
}

/** Reads ChunkRun and believes nothing; the payload is a view of the bytes given. */
export function decodeRun(bytes: Uint8Array): Run {
  const fields = readFields(bytes)
  const entries = readEntries(fields)
  const { payload, told } = fields
  if (entries.length === 0) throw malformed('it has no chunks')
  if (payload.length > maxRunBytes + maxChunkBytes) {
    throw malformed(`its payload of ${payload.length} bytes is too large`)
  }
  const storedBytes = entries.reduce((sum, entry) => sum + entry.storedBytes, 0)
  if (storedBytes !== payload.length) {
    throw malformed(`its sizes add up to ${storedBytes}, its payload has ${payload.length} bytes`)
  }
  if (told === undefined) return { entries, payload }
  if (told.length !== entries.length * digestBytes) {
    throw malformed(`it has ${entries.length} chunks and ${told.length} bytes of fingerprints`)
  }
  return { entries, payload, told }
}

/** One-digit varints are bytes, so the codecs, of type `bytes`, are written like the sizes. */
function writePacked(
  writer: BinaryWriter,
  field: number,
  entries: readonly RunEntry[],
  valueOf: (entry: RunEntry) => number,
): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  for (const entry of entries) writer.uint32(valueOf(entry))
  writer.join()
}

interface Fields {
  digests: Uint8Array
  readonly storedSizes: number[]
  readonly rawSizes: number[]
  codecs: Uint8Array
  payload: Uint8Array
  told?: Uint8Array
}

function readFields(bytes: Uint8Array): Fields {
  const none = new Uint8Array(0)
  const fields: Fields = {
    digests: none,
    storedSizes: [],
    rawSizes: [],
    codecs: none,
    payload: none,
  }
  const reader = new BinaryReader(bytes)
  try {
    while (reader.pos < reader.len) readField(reader, fields)
  } catch (cause) {
    throw malformed('it is no protobuf message', cause)
  }
  return fields
}

/** A known field in an unexpected wire type is an unknown field, as everywhere in protobuf. */
function readField(reader: BinaryReader, fields: Fields): void {
  const [field, wireType] = reader.tag()
  if (field === storedSizesField && readSizes(reader, wireType, fields.storedSizes)) return
  if (field === rawSizesField && readSizes(reader, wireType, fields.rawSizes)) return
  if (wireType !== WireType.LengthDelimited) reader.skip(wireType, field)
  else if (field === digestsField) fields.digests = reader.bytes()
  else if (field === codecsField) fields.codecs = reader.bytes()
  else if (field === payloadField) fields.payload = reader.bytes()
  else if (field === fingerprintsField) fields.told = reader.bytes()
  else reader.skip(wireType, field)
}

function readSizes(reader: BinaryReader, wireType: WireType, sizes: number[]): boolean {
  if (wireType === WireType.Varint) {
    sizes.push(reader.uint32())
    return true
  }
  if (wireType !== WireType.LengthDelimited) return false
  const packed = new BinaryReader(reader.bytes())
  while (packed.pos < packed.len) sizes.push(packed.uint32())
  return true
}

function readEntries({ digests, storedSizes, rawSizes, codecs }: Fields): RunEntry[] {
  const names = splitDigests(digests)
  for (const list of [storedSizes, rawSizes, codecs]) {
    if (list.length !== names.length) {
      throw malformed(`it has ${names.length} digests and ${list.length} sizes or codecs`)
    }
  }
  return names.map((digest, i) => {
    const codec = codecOf(codecs[i] ?? 0)
    if (codec === undefined) throw malformed(`chunk ${i} has the unknown codec ${codecs[i] ?? 0}`)
    const entry = {
      digest,
      codec,
      storedBytes: storedSizes[i] ?? 0,
      rawBytes: rawSizes[i] ?? 0,
    }
    const flaw = flawOf(entry)
    if (flaw !== undefined) throw malformed(`chunk ${i} has ${flaw}`)
    return entry
  })
}

function malformed(why: string, cause?: unknown): Failure {
  return invalid('INVALID_CHUNK', `this is no run of chunks: ${why}`, {}, cause)
}
