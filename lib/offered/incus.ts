import { paddingAfter, tarEnd, tarHeader } from '../portable/tar.ts'
import { type Arch } from '../names/catalogue.ts'
import type { OfferedImage } from './offer.ts'

/** As Debian, MAAS, containers and Incus call machines. */
const archNames: Readonly<Record<Arch, string>> = {
  x86: 'amd64',
  aarch64: 'arm64',
  riscv64: 'riscv64',
}

export function archName({ fields }: Pick<OfferedImage, 'fields'>): string {
  return archNames[fields.arch]
}

/** As the kernel calls machines, which Incus wants within an image. */
const kernelNames: Readonly<Record<Arch, string>> = {
  x86: 'x86_64',
  aarch64: 'aarch64',
  riscv64: 'riscv64',
}

/** What Incus reads beside a disk: a tar with metadata.yaml. It is known by its bytes, so it may be packed or not. */
export function incusMetadata(image: Pick<OfferedImage, 'name' | 'fields'>): Buffer {
  const { distro, release, point, role, arch, build } = image.fields
  const properties = {
    os: distro,
    release: `${release}.${point}`,
    variant: role,
    architecture: archName(image),
    serial: build.day,
    description: image.name,
    name: image.name,
  }
  const text = [
    `architecture: ${kernelNames[arch]}`,
    `creation_date: ${startOf(build.day).getTime() / 1000}`,
    'properties:',
    ...Object.entries(properties).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
    '',
  ].join('\n')
  const bytes = Buffer.from(text)
  const padding = Buffer.alloc(paddingAfter(bytes.length))
  return Buffer.concat([tarHeader('metadata.yaml', bytes.length), bytes, padding, tarEnd])
}

function startOf(day: string): Date {
  return new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`)
}
