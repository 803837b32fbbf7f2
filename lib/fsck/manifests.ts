import { type Digest, sha256 } from '../content/digest.ts'
import { decodeManifest } from '../content/encoding.ts'
import { chunkDigests } from '../content/manifest.ts'
import { Failure } from '../failure.ts'
import { type Finding, finding, mended } from './findings.ts'
import type { NamedManifest, Side } from './side.ts'

/** What was looked at. */
export interface Images {
  readonly images: number
  readonly manifests: number
}

interface Checked extends Images {
  readonly findings: readonly Finding[]
}

/** Holds the manifests of all images against the index. */
export async function checkManifests(
  side: Side,
  repair: boolean,
  signal: AbortSignal,
): Promise<Checked> {
  const findings: Finding[] = []
  let [images, manifests] = [0, 0]
  for await (const manifest of side.manifests()) {
    signal.throwIfAborted()
    manifests++
    images += manifest.images.length
    const chunks = chunksOf(manifest)
    if (chunks instanceof Failure) findings.push(await unreadable(manifest, chunks, side, repair))
    else findings.push(...(await checkChunks(manifest, chunks, side, repair)))
  }
  return { images, manifests, findings }
}

function chunksOf({ digest, bytes }: NamedManifest): Digest[] | Failure {
  if (bytes instanceof Failure) return bytes
  try {
    const chunks = chunkDigests(decodeManifest(bytes))
    const found = sha256(bytes)
    if (found === digest) return chunks
    return new Failure('corrupt', 'INVALID_MANIFEST', `its bytes have the digest sha256:${found}`)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

async function unreadable(
  manifest: NamedManifest,
  why: Failure,
  { forget }: Side,
  repair: boolean,
): Promise<Finding> {
  const repaired = repair && forget !== undefined
  if (repaired) await forget(manifest)
  const flaw = why.reason === 'NOT_PRESENT' ? 'missing manifest' : 'damaged manifest'
  return finding(flaw, namesOf(manifest), 0, why.message, mended(repaired))
}

async function checkChunks(
  manifest: NamedManifest,
  chunks: readonly Digest[],
  side: Side,
  repair: boolean,
): Promise<Finding[]> {
  const where = namesOf(manifest)
  const absent = await side.places.absent(chunks)
  const [first] = absent
  const findings: Finding[] = []
  if (first !== undefined) {
    const detail = `sha256:${first} the first`
    findings.push(finding('missing chunks', where, absent.length, detail, 'left'))
  }
  const unguarded = await side.unguarded(manifest.digest, chunks)
  if (unguarded > 0 && repair) await side.guard(manifest.digest, chunks)
  if (unguarded > 0)
    findings.push(finding('unguarded chunks', where, unguarded, '', mended(repair)))
  return findings
}

function namesOf({ digest, images }: NamedManifest): string {
  const [first, ...more] = images
  if (first === undefined) return `sha256:${digest}`
  return more.length === 0 ? first : `${first} and ${more.length} more`
}
