import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from './folder.ts'

export interface LayerOf {
  readonly mediaType: string
  readonly bytes: Buffer
  readonly title?: string
}

export interface ManifestOf {
  /** What it is for, where it is one of several. */
  readonly architecture?: string
  readonly layers: readonly LayerOf[]
}

interface Blob {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const index = 'application/vnd.oci.image.index.v1+json'
const manifest = 'application/vnd.oci.image.manifest.v1+json'

/** What `skopeo copy oci:PATH:it` reads: one manifest, or an index of several. */
export async function ociLayout(
  manifests: readonly ManifestOf[],
): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryFolder()
  const blobs = join(folder.path, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })
  const keep = async (mediaType: string, content: unknown): Promise<Blob> => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))
    const hex = createHash('sha256').update(bytes).digest('hex')
    await writeFile(join(blobs, hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
  }
  const kept: Blob[] = []
  for (const { architecture, layers } of manifests) {
    const config = await keep('application/vnd.oci.image.config.v1+json', {
      ...{ architecture: architecture ?? 'amd64', os: 'linux' },
      rootfs: { type: 'layers', diff_ids: layers.map(() => `sha256:${'0'.repeat(64)}`) },
    })
    const described = await Promise.all(
      layers.map(async ({ mediaType, bytes, title }) => ({
        ...(await keep(mediaType, bytes)),
        ...(title === undefined
          ? {}
          : { annotations: { 'org.opencontainers.image.title': title } }),
      })),
    )
    const blob = await keep(manifest, {
      schemaVersion: 2,
      mediaType: manifest,
      config,
      layers: described,
    })
    const platform = architecture === undefined ? {} : { platform: { architecture, os: 'linux' } }
    kept.push({ ...blob, ...platform })
  }
  const [only, ...others] = kept
  const top =
    only !== undefined && others.length === 0
      ? only
      : await keep(index, { schemaVersion: 2, mediaType: index, manifests: kept })
  const named = { ...top, annotations: { 'org.opencontainers.image.ref.name': 'it' } }
  await writeFile(join(folder.path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(
    join(folder.path, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [named] }),
  )
  return folder
}
