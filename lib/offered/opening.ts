import type { Manifest } from '../content/manifest.ts'
import { bodyOf, type Body } from './body.ts'
import type { Resource } from './listing.ts'
import type { MeasuringDeps } from './measuring.ts'
import { fileName, type OfferedImage } from './offer.ts'
import { qcow2Body } from './qcow2.ts'
import { rawBody } from './raw.ts'
import { rowsBytes, zstdBody } from './zstd.ts'

export interface OpeningDeps extends MeasuringDeps {
  readonly manifestOf: (image: OfferedImage) => Promise<Manifest>
  /** The rows of an image's pieces, as they were kept with its forms. */
  readonly pieces: (image: string) => Promise<Buffer | undefined>
  /** Somebody reads the image until this is disposed of. */
  readonly reading: (image: OfferedImage) => Disposable
  /** What is stored is not what was digested; the error for whoever reads. */
  readonly changed: (image: OfferedImage) => Error
}

/** Opens what is listed; whoever does disposes of it. */
export type Open = (resource: Resource) => Promise<Body & Disposable>

export function opener(deps: OpeningDeps): Open {
  return async ({ content }) => {
    using stack = new DisposableStack()
    if (content.kind === 'file') stack.use(deps.reading(content.image))
    const body = content.kind === 'file' ? await openFile(content, deps) : bodyOf(content.bytes)
    const owned = stack.move()
    return {
      ...body,
      [Symbol.dispose]: () => {
        owned.dispose()
      },
    }
  }
}

async function openFile(
  { image, file, form }: Extract<Resource['content'], { readonly kind: 'file' }>,
  deps: OpeningDeps,
): Promise<Body> {
  const manifest = await deps.manifestOf(image)
  const name = fileName(file)
  const artifact = manifest.artifacts.find((one) => fileName(one) === name)
  if (artifact === undefined) throw new Error(`${image.name} has no ${name}`)
  if (form === 'raw') return rawBody(artifact.extents, deps)
  if (form === 'qcow2') return qcow2Body(artifact.extents, deps)
  const rows = rowsOf(manifest, name, await deps.pieces(image.name))
  if (rows === undefined) throw deps.changed(image)
  return zstdBody(artifact.extents, rows, deps, () => deps.changed(image))
}

/** The rows of one root file system among those of all. */
function rowsOf(
  { artifacts }: Manifest,
  name: string,
  pieces: Buffer | undefined,
): Buffer | undefined {
  let at = 0
  for (const artifact of artifacts) {
    if (artifact.kind !== 'rootfs') continue
    const length = rowsBytes(artifact.extents)
    if (fileName(artifact) === name) return pieces?.subarray(at, at + length)
    at += length
  }
  return undefined
}
