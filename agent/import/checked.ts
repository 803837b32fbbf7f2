import { createHash } from 'node:crypto'
import { corrupt, exhausted, type Failure } from '../../lib/failure.ts'

/** What is known of bytes before they come. */
export interface Known {
  readonly name: string
  /** `sha256:` or `sha512:` and hex, where it is a checksum. */
  readonly version: string
  readonly sizeBytes?: bigint | undefined
}

/** The checksum that a version is, if it is one. */
export function checksumOf(version: string): readonly [algorithm: string, hex: string] | undefined {
  const [, algorithm, hex] = /^(sha256|sha512):([0-9a-f]{64,128})$/.exec(version) ?? []
  return algorithm === undefined || hex === undefined ? undefined : [algorithm, hex]
}

/** The bytes, if they are those: what is wrong is thrown before they end. */
export async function* checked(
  known: Known,
  bytes: AsyncIterable<Buffer>,
  mostBytes: bigint,
): AsyncGenerator<Buffer, void, undefined> {
  const [algorithm, hex] = checksumOf(known.version) ?? []
  const hash = algorithm === undefined ? undefined : createHash(algorithm)
  let length = 0
  for await (const piece of bytes) {
    length += piece.length
    checkLength(known, length, mostBytes)
    hash?.update(piece)
    yield piece
  }
  const { name, sizeBytes } = known
  if (sizeBytes !== undefined && BigInt(length) < sizeBytes) {
    throw wrong(name, `ends after ${length} bytes, not ${sizeBytes} as its list says`)
  }
  if (hash !== undefined && hash.digest('hex') !== hex) {
    throw wrong(name, `does not have the ${algorithm ?? ''} checksum that its list says`)
  }
}

/** Throws if so many bytes are more than there may be. */
export function checkLength(
  { name, sizeBytes }: Pick<Known, 'name' | 'sizeBytes'>,
  bytes: number,
  mostBytes: bigint,
): void {
  if (sizeBytes !== undefined && BigInt(bytes) > sizeBytes) {
    throw wrong(name, `goes on after ${sizeBytes} bytes, where its list says that it ends`)
  }
  if (BigInt(bytes) > mostBytes) {
    const text = `${name} is longer than ${mostBytes} bytes, the most that a file may have here`
    throw exhausted('ITEM_TOO_LARGE', text, { name, limit: String(mostBytes) })
  }
}

/** What came is not what was announced. */
export function wrong(name: string, what: string, cause?: unknown): Failure {
  const advice = 'try again later, or ask whoever runs the source'
  return corrupt('ITEM_CORRUPT', `${name} ${what}: ${advice}`, { name }, cause)
}
