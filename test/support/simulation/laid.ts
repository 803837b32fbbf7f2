import { wantedOf } from '../../../agent/projection/plan.ts'
import { usualLayout } from '../../../agent/projection/layout.ts'
import { chunksOf } from '../../../lib/content/extents.ts'
import { rawChunk } from '../../../lib/workers/verify.ts'
import type { BucketNews } from './bucket.ts'
import type { Build } from './builds.ts'
import type { Host } from './host.ts'
import type { Portal } from './portal.ts'

const form = 'raw'

/** What must be true of each object that an agent lays out or takes away. */
export function layingNews(
  host: () => Host,
  portal: Portal,
  onDefect: (text: string) => void,
): BucketNews {
  const contents = new Map<string, Buffer>()
  const contentOf = (build: Build): Buffer => {
    const known = contents.get(build.name) ?? assembled(build)
    contents.set(build.name, known)
    return known
  }
  return {
    came(key, bytes) {
      const name = nameIn(key)
      const builds = [...portal.builds.values()].filter(
        (build) => build.name === name || aliasOf(build.line) === name,
      )
      if (!builds.some((build) => contentOf(build).equals(bytes)))
        onDefect(`${host().name} lays something else out as ${key}`)
    },
    goes(key) {
      const { running, name: facility } = host()
      const name = nameIn(key)
      const present = running?.storage.images.present() ?? []
      const told = running?.sync.state.desired.aliases.find((alias) => alias.name === name)
      if (present.some((image) => image.name === (told?.image ?? name)))
        onDefect(`${facility} takes ${key} away, and has the image`)
    },
  }
}

/** What lies there and should not, or should and does not; undefined if all is as it should be. */
export function laidFlaw({ running, bucket }: Host, portal: Portal): string | undefined {
  if (running === undefined) return 'it does not run'
  const { desired } = running.sync.state
  const shown = running.storage.images.present().map(({ name, digest }) => ({
    ...{ name, digest, files: [{ kind: 'rootfs', boot: 'any' }] as const },
    isRevoked: !portal.usable().some((build) => build.name === name),
  }))
  const aliases = new Map(desired.aliases.map(({ name, image }) => [name, image]))
  const wanted = wantedOf(shown, { template: usualLayout, form, aliases })
  for (const { key, image } of wanted.values()) {
    const build = portal.builds.get(image)
    const object = bucket.objects.get(key)
    if (object === undefined) return `${key} is not laid out`
    if (build !== undefined && !assembled(build).equals(object.bytes))
      return `${key} is another image`
  }
  const extra = [...bucket.objects.keys()].find((key) => !wanted.has(key))
  return extra === undefined ? undefined : `${extra} is laid out, and nobody wants it there`
}

/** The alias of a line, which follows its newest build. */
export function aliasOf(line: string): string {
  return `latest-${line}`
}

function nameIn(key: string): string {
  return key.replace(/^(bios|efi)\//, '').replace(/-rootfs$/, '')
}

function assembled({ manifest, chunks }: Build): Buffer {
  const stored = new Map(chunks.map((chunk) => [chunk.entry.digest, chunk]))
  const [artifact] = manifest.artifacts
  if (artifact === undefined) throw new Error('a build has no artifact')
  const bytes = Buffer.alloc(artifact.sizeBytes)
  for (const { digest, offset } of chunksOf(artifact.extents)) {
    const chunk = stored.get(digest)
    if (chunk !== undefined) bytes.set(rawChunk(chunk.entry, chunk.stored), offset)
  }
  return bytes
}
