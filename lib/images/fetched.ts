import { type Digest, sha256 } from '../content/digest.ts'
import { corrupt } from '../failure.ts'

/** The canonical bytes of a manifest that comes in parts, checked against its digest. */
export async function fetchedManifest(
  parts: AsyncIterable<{ readonly part: Buffer }>,
  digest: Digest,
  from: string,
): Promise<Buffer> {
  const came: Buffer[] = []
  for await (const { part } of parts) came.push(part)
  const bytes = Buffer.concat(came)
  if (sha256(bytes) === digest) return bytes
  const text = `${from} sent a manifest that does not have the digest sha256:${digest}.`
  throw corrupt('CHUNK_CORRUPT', text, { digest })
}
