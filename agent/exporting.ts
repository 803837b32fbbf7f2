import type { HealingSource } from '../lib/chunks/healing.ts'
import type { Verify } from '../lib/chunks/verified.ts'
import { parseDigest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import { aboutOf } from '../lib/portable/about.ts'
import { writePortable } from '../lib/portable/write.ts'
import type { Image } from '../proto/gen/merge/image/v1/image.ts'
import type { ExportResponse } from '../proto/gen/merge/image/v1/local.ts'
import type { ImageTable } from './images.ts'
import type { Needs } from './needs.ts'

const partBytes = 256 * 1024

/** An image that is here as a portable file, in parts. What is installed in it only the portal knows. */
export async function* exportImage(
  image: Image,
  manifestBytes: Uint8Array,
  deps: {
    readonly store: HealingSource
    readonly verify: Verify
    readonly images: Pick<ImageTable, 'find'>
    readonly needs: Pick<Needs, 'hold'>
  },
  signal: AbortSignal,
): AsyncGenerator<ExportResponse> {
  yield { image, part: Buffer.alloc(0) }
  using _held = deps.needs.hold(parseDigest(image.digest))
  const about = aboutOf(image, {
    manifest: decodeManifest(manifestBytes),
    parentDigest: deps.images.find(image.parent)?.digest ?? '',
    packages: [],
  })
  const portable = { about, manifest: manifestBytes }
  for await (const bytes of writePortable(portable, deps.store, deps.verify, signal)) {
    for (let at = 0; at < bytes.length; at += partBytes) {
      yield { image: undefined, part: Buffer.from(bytes.subarray(at, at + partBytes)) }
    }
  }
}
