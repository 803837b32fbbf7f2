import type { Digest } from '../content/digest.ts'
import { boots, kinds, type Artifact } from '../content/manifest.ts'
import type { ImageName } from '../names/name.ts'

/** A file of an image, as its manifest has it. */
export type OfferedFile = Pick<Artifact, 'kind' | 'boot' | 'mediaType' | 'sizeBytes' | 'sha256'>

/** A file as the API and the database number what it is; none where a later version knows more kinds than this. */
export function numberedFile(
  artifact: Omit<OfferedFile, 'kind' | 'boot'> & { readonly kind: number; readonly boot: number },
): OfferedFile[] {
  const [kind, boot] = [kinds[artifact.kind - 1], boots[artifact.boot - 1]]
  return kind === undefined || boot === undefined ? [] : [{ ...artifact, kind, boot }]
}

/** An image that anybody may have. */
export interface OfferedImage {
  /** Its exact name, as text and as what it says. */
  readonly name: string
  readonly fields: ImageName
  readonly digest: Digest
  readonly createTime: Date
  /** No free reference means it, so it is never `latest`. */
  readonly heldBack: boolean
  readonly files: readonly OfferedFile[]
  /** Names of its own namespace that point at it. */
  readonly aliases: readonly string[]
}

/** A file in a form in which the store does not have it. */
export interface Made {
  readonly sizeBytes: number
  readonly sha256: Digest
}

/** What only making them says of an image's root file systems; by the file's name. */
export interface Forms {
  readonly zstd: Readonly<Record<string, Made>>
  /** The disk that Incus starts, if there is one it can. */
  readonly incus: Incus | undefined
}

export interface Incus {
  readonly file: string
  readonly qcow2: Made
  /** Of its metadata and the disk, one after the other: what Incus knows an image by. */
  readonly combined: Digest
}

/** `rootfs`, `rootfs-efi`, `kernel`. */
export function fileName({ kind, boot }: Pick<OfferedFile, 'kind' | 'boot'>): string {
  return boot === 'any' ? kind : `${kind}-${boot}`
}

/** Incus starts machines with UEFI, so a disk for the BIOS alone is none for it. */
export function incusFile<T extends Pick<OfferedFile, 'kind' | 'boot'>>(
  files: readonly T[],
): T | undefined {
  const disks = files.filter(({ kind }) => kind === 'rootfs')
  return disks.find(({ boot }) => boot === 'efi') ?? disks.find(({ boot }) => boot === 'any')
}
