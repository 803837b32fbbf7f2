import { sha256, type Digest } from '../content/digest.ts'
import { renderLine } from '../names/name.ts'
import { compareWithinLine } from '../names/order.ts'
import { incusMetadata } from './incus.ts'
import { configType, manifestType, renderArtifact, tagsOf } from './oci.ts'
import { fileName, type Forms, type Incus, type OfferedFile, type OfferedImage } from './offer.ts'
import { imagesPath, indexPath, renderIndex, renderProducts, type Item } from './simplestreams.ts'

/** In which form a file is read. */
export type Form = 'raw' | 'zstd' | 'qcow2'

/** What can be had under a path. */
export interface Resource {
  readonly type: string
  readonly sizeBytes: number
  readonly sha256: Digest
  readonly content:
    | { readonly kind: 'bytes'; readonly bytes: Buffer }
    | {
        readonly kind: 'file'
        readonly image: OfferedImage
        readonly file: OfferedFile
        readonly form: Form
      }
}

/** The images of a line, as a registry has them. */
export interface Repository {
  readonly tags: ReadonlyMap<string, Digest>
  readonly manifests: ReadonlyMap<string, Resource>
  readonly blobs: ReadonlyMap<string, Resource>
}

/** All that is on offer at a moment. */
export interface Listing {
  /** By their paths, without the first slash. */
  readonly files: ReadonlyMap<string, Resource>
  readonly repositories: ReadonlyMap<string, Repository>
}

/** An image whose every file can be told by its digest. */
export interface Complete {
  readonly image: OfferedImage
  readonly forms: Forms
}

export function listAll(images: readonly Complete[]): Listing {
  const lines = Map.groupBy(images, ({ image }) => renderLine(image.fields))
  const files = new Map<string, Resource>()
  const repositories = new Map<string, Repository>()
  const shown = [...lines]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([line, some]) => {
      const newestFirst = some.sort((a, b) => compareWithinLine(b.image.fields, a.image.fields))
      repositories.set(line, repositoryOf(newestFirst))
      return newestFirst.map(({ image, forms }) => {
        const found = filesOf(image, forms)
        for (const { path, resource } of found) files.set(path, resource)
        return { image, items: Object.fromEntries(found.map(({ name, item }) => [name, item])) }
      })
    })
  files.set(indexPath, jsonOf(renderIndex(shown)))
  files.set(imagesPath, jsonOf(renderProducts(shown)))
  return { files, repositories }
}

interface Listed {
  readonly name: string
  readonly path: string
  readonly item: Item
  readonly resource: Resource
}

/** Which files of which kind there are, as readers of streams call them: MAAS writes raw disks, Incus starts qcow2. */
const ftypes: Readonly<Record<OfferedFile['kind'], string>> = {
  rootfs: 'root-dd.raw',
  kernel: 'boot-kernel',
  initramfs: 'boot-initrd',
}

function filesOf(image: OfferedImage, forms: Forms): Listed[] {
  return [
    ...image.files.flatMap((file) => {
      const name = fileName(file)
      const raw = listed(image, name, ftypes[file.kind], fileResource(image, file, 'raw', file))
      const zstd = forms.zstd[name]
      if (zstd === undefined) return [raw]
      const packed = fileResource(image, file, 'zstd', zstd)
      return [raw, listed(image, `${name}.zst`, 'root-dd.zst', packed)]
    }),
    ...(forms.incus === undefined ? [] : incusFiles(image, forms.incus)),
  ]
}

function incusFiles(image: OfferedImage, { file: name, qcow2, combined }: Incus): Listed[] {
  const file = image.files.find((one) => fileName(one) === name)
  if (file === undefined) return []
  const metadata = bytesOf(incusMetadata(image), 'application/x-tar')
  const known = listed(image, 'incus.tar', 'incus.tar.xz', metadata)
  return [
    { ...known, item: { ...known.item, 'combined_disk-kvm-img_sha256': combined } },
    listed(image, `${name}.qcow2`, 'disk-kvm.img', fileResource(image, file, 'qcow2', qcow2)),
  ]
}

function listed(image: OfferedImage, name: string, ftype: string, resource: Resource): Listed {
  const path = `images/${image.name}/${name}`
  const item = { ftype, path, size: resource.sizeBytes, sha256: resource.sha256 }
  return { name, path, item, resource }
}

function repositoryOf(images: readonly Complete[]): Repository {
  const manifests = new Map<string, Resource>()
  const blobs = new Map<string, Resource>()
  const digests = new Map<OfferedImage, Digest>()
  for (const { image, forms } of images) {
    const { config, manifest, digest } = renderArtifact(image, forms)
    manifests.set(`sha256:${digest}`, bytesOf(manifest, manifestType))
    blobs.set(`sha256:${sha256(config)}`, bytesOf(config, configType))
    digests.set(image, digest)
    for (const file of image.files) {
      const zstd = forms.zstd[fileName(file)]
      const layer =
        zstd === undefined
          ? fileResource(image, file, 'raw', file)
          : fileResource(image, file, 'zstd', zstd)
      blobs.set(`sha256:${layer.sha256}`, layer)
    }
  }
  const tags = new Map(
    Array.from(tagsOf(images.map(({ image }) => image)), ([tag, image]) => [
      tag,
      digests.get(image),
    ]),
  )
  return { tags: tags as ReadonlyMap<string, Digest>, manifests, blobs }
}

function fileResource(
  image: OfferedImage,
  file: OfferedFile,
  form: Form,
  { sizeBytes, sha256: digest }: { readonly sizeBytes: number; readonly sha256: Digest },
): Resource {
  const content = { kind: 'file', image, file, form } as const
  return { type: 'application/octet-stream', sizeBytes, sha256: digest, content }
}

function bytesOf(bytes: Buffer, type: string): Resource {
  return { type, sizeBytes: bytes.length, sha256: sha256(bytes), content: { kind: 'bytes', bytes } }
}

function jsonOf(value: object): Resource {
  return bytesOf(Buffer.from(JSON.stringify(value)), 'application/json')
}
