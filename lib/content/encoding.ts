import { type Digest, digestBytes, sha256 } from './digest.ts'
import type { Extents } from './extents.ts'
import { chunkerVersion } from './gear.ts'
import { type Artifact, boots, formats, kinds, type Manifest } from './manifest.ts'
import { readVarint, varint } from './varint.ts'
import { checkManifest, malformed } from './wellformed.ts'

const magic = Buffer.from('MRGM')
const version = 1

/** The canonical bytes of the manifest, as docs/format.md specifies them: one manifest, one encoding. */
export function encodeManifest(manifest: Manifest): Buffer {
  checkManifest(manifest)
  const { artifacts } = manifest
  const head = numbers([version, chunkerVersion, artifacts.length])
  return Buffer.concat([magic, head, ...artifacts.flatMap(encodeArtifact)])
}

/** The digest of the image: of its manifest's canonical bytes, which pin everything below. */
export function manifestDigest(manifest: Manifest): Digest {
  return sha256(encodeManifest(manifest))
}

/** Reads canonical bytes and nothing else. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const input = reader(bytes)
  if (!magic.equals(input.take(magic.length))) throw malformed('byte 0', 'it begins otherwise')
  input.only('version', version)
  input.only('chunker version', chunkerVersion)
  const artifacts = Array.from({ length: input.count('artifacts') }, () => decodeArtifact(input))
  if (input.left() > 0) throw malformed(input.at(), `${input.left()} bytes follow its end`)
  const manifest = { artifacts }
  checkManifest(manifest)
  return manifest
}

function encodeArtifact(artifact: Artifact): Buffer[] {
  const { kind, format, boot, mediaType, sizeBytes, extents } = artifact
  return [
    numbers([kinds.indexOf(kind), formats.indexOf(format), boots.indexOf(boot), mediaType.length]),
    Buffer.from(mediaType, 'latin1'),
    numbers([sizeBytes]),
    Buffer.from(artifact.sha256, 'hex'),
    numbers([extents.lengths.length]),
    numbers(extents.lengths.map((length) => (length < 0 ? -length * 2 + 1 : length * 2))),
    extents.digests,
  ]
}

function decodeArtifact(input: Reader): Artifact {
  const kind = input.oneOf('kind', kinds)
  const format = input.oneOf('format', formats)
  const boot = input.oneOf('boot mode', boots)
  const mediaType = input.take(input.varint()).toString('latin1')
  const sizeBytes = input.varint()
  const sha256 = input.take(digestBytes).toString('hex') as Digest
  return { kind, mediaType, format, boot, sizeBytes, sha256, extents: decodeExtents(input) }
}

function decodeExtents(input: Reader): Extents {
  const lengths = Array.from({ length: input.count('entries') }, () => {
    const value = input.varint()
    return value % 2 === 0 ? value / 2 : -(value - 1) / 2
  })
  const chunks = lengths.filter((length) => length > 0).length
  return { lengths, digests: input.take(chunks * digestBytes) }
}

type Reader = ReturnType<typeof reader>

function reader(bytes: Uint8Array) {
  let position = 0
  const at = () => `byte ${position}`
  const left = () => bytes.length - position
  const take = (length: number): Buffer => {
    if (length > left()) throw malformed(at(), 'it ends too early')
    const taken = Buffer.from(bytes.subarray(position, position + length))
    position += length
    return taken
  }
  const next = (): number => {
    const found = readVarint(bytes, position)
    if (found === undefined) throw malformed(at(), 'here is no number in its shortest form')
    position = found.end
    return found.value
  }
  /** Whatever is counted takes a byte at least, so a count beyond what is left is a lie. */
  const count = (what: string): number => {
    const value = next()
    if (value > left()) throw malformed(at(), `${value} ${what} do not fit in what is left`)
    return value
  }
  const only = (what: string, known: number): void => {
    const value = next()
    if (value !== known) throw malformed(at(), `${what} ${value} is unknown`)
  }
  const oneOf = <T>(what: string, known: readonly T[]): T => {
    const value = known[next()]
    if (value === undefined) throw malformed(at(), `this ${what} is unknown`)
    return value
  }
  return { at, left, take, varint: next, count, only, oneOf }
}

function numbers(values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap(varint))
}
