import { createHash } from 'node:crypto'
import { internal } from '../lib/failure.ts'
import type { Arch, Catalogue } from '../lib/names/catalogue.ts'
import type { Image } from '../lib/names/images.ts'
import { renderImageName, type Line } from '../lib/names/name.ts'

/** A large world of names, the same each time. */
export interface BenchWorld {
  readonly images: readonly Image[]
  /** Where each alias points. */
  readonly aliases: readonly (readonly [alias: string, image: string])[]
  readonly facilities: readonly string[]
}

export const facilities: readonly string[] = Array.from({ length: 10 }, (_, i) => `lab${i + 1}`)
const arches: readonly Arch[] = ['x86', 'aarch64']

/** Years of builds of every line that the catalogue can have; a tenth of them are of facilities. */
export function makeWorld(
  catalogue: Catalogue,
  imageCount: number,
  aliasCount: number,
): BenchWorld {
  const lines = linesOf(catalogue)
  const images = Array.from({ length: imageCount }, (_, i) => {
    const namespace = i % 10 === 9 ? (facilities[Math.floor(i / 10) % facilities.length] ?? '') : ''
    const line = lines[(i * 7919) % lines.length] ?? never()
    return anImage({ ...line, namespace }, Math.floor(i / lines.length), i)
  })
  const aliases = Array.from({ length: aliasCount }, (_, i) => {
    const { name } = images[(i * 104_729) % imageCount] ?? never()
    const own = `course-${i}`
    const alias = name.namespace === '' ? own : `${name.namespace}/${own}`
    return [alias, renderImageName(name)] as const
  })
  return { images, aliases, facilities }
}

function linesOf({ distros, roles }: Catalogue): readonly Omit<Line, 'namespace'>[] {
  return distros.flatMap(({ id, releases }) =>
    releases.flatMap(({ release }) =>
      roles.flatMap((role) => arches.map((arch) => ({ distro: id, release, role, arch }))),
    ),
  )
}

const firstDay = Date.UTC(2024, 0, 1)

/** One in twenty each is a candidate, deprecated, revoked or held back. */
function anImage(line: Line, round: number, i: number): Image {
  const day = new Date(firstDay + round * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
  const state = (['candidate', 'deprecated', 'revoked'] as const)[i % 20] ?? 'released'
  return {
    name: { ...line, point: Math.floor(round / 90), build: { day, serial: 0 } },
    digest: createHash('sha256').update(String(i)).digest('hex'),
    state,
    storage: 'present',
    heldBack: i % 20 === 3,
  }
}

/** References of each kind in equal parts, spread over the whole world. */
export function makeReferences(
  { images, aliases }: BenchWorld,
  catalogue: Catalogue,
  count: number,
): readonly string[] {
  const lines = linesOf(catalogue)
  return Array.from({ length: count }, (_, i) => {
    const { distro, release, role, arch } = lines[(i * 31) % lines.length] ?? never()
    const major = `${distro}-${release}`
    const partial = [distro, major, `${major}-${role}-${arch}`]
    const constraint = [
      `${distro}, release >= ${release}, arch = ${arch}`,
      `${major}, build <= 202506`,
      `>= ${major}, role = ${role}, != ${major}.3`,
    ]
    const kinds = [
      renderImageName((images[(i * 7331) % images.length] ?? never()).name),
      aliases[(i * 7333) % aliases.length]?.[0],
      partial[Math.floor(i / 4) % partial.length],
      constraint[Math.floor(i / 4) % constraint.length],
    ]
    return kinds[i % 4] ?? never()
  })
}

function never(): never {
  throw internal('INTERNAL', 'the world of the benchmark is empty')
}
