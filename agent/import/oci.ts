import { z } from 'zod'
import { Failure, precondition } from '../../lib/failure.ts'
import type { OciPlace } from '../../lib/sources/place.ts'
import { type Client, openClient, parsed } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { diskIn } from './layer.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { digestOf, openRegistry, type Registry } from './registry.ts'

/** What lies in a repository of a registry: artifacts whose blobs are files, and images of which a layer has a disk. */
export function ociOrigin(place: OciPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const registry = openRegistry(place, client, deps)
  const finder: Finder = { registry, client, mostBytes: deps.mostBytes }
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const tags = await registry.tags(signal)
    const found: Found[] = []
    for (let at = 0; at < tags.length; at += together) {
      const some = tags.slice(at, at + together)
      const theirs = some.map((tag) => ofTag(tag, finder, signal).catch(nothingIfGone))
      found.push(...(await Promise.all(theirs)).flat())
    }
    return found
  }
  return originOf(find, deps, client)
}

const together = 4

interface Finder {
  readonly registry: Registry
  readonly client: Client
  readonly mostBytes: bigint
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no sha256 digest')

const blobForm = z.object({
  mediaType: z.string().default(''),
  digest,
  size: z.number().int().nonnegative(),
  annotations: z.record(z.string(), z.string()).nullish(),
  platform: z
    .object({ architecture: z.string(), os: z.string(), variant: z.string().optional() })
    .nullish(),
})

type Blob = z.infer<typeof blobForm>

/** An index has `manifests`, a manifest has `layers`. */
const manifestForm = z.object({
  manifests: z.array(blobForm).optional(),
  layers: z.array(blobForm).optional(),
  annotations: z.record(z.string(), z.string()).nullish(),
})

/** Registries go on listing tags whose manifest was deleted. */
function nothingIfGone(error: unknown): Found[] {
  if (error instanceof Failure && error.reason === 'SOURCE_GONE') return []
  throw error
}

async function ofTag(tag: string, finder: Finder, signal: AbortSignal): Promise<Found[]> {
  const content = await finder.registry.manifest(tag, signal)
  const { manifests, layers = [] } = parsed(manifestForm, content)
  if (manifests === undefined) {
    return ofManifest({ tag }, digestOf(content.bytes), layers, finder)
  }
  const found: Found[] = []
  for (const { digest, platform } of manifests.filter(isForSome)) {
    const { architecture: arch = '', os = '', variant = '' } = platform ?? {}
    const inner = parsed(manifestForm, await finder.registry.manifest(digest, signal))
    const said = Object.entries({ tag, arch, os, variant }).filter(([, word]) => word !== '')
    found.push(...ofManifest(Object.fromEntries(said), digest, inner.layers ?? [], finder))
  }
  return found
}

/** What tells how an image was built is no image. */
function isForSome({ platform, annotations }: Blob): boolean {
  if (annotations?.['vnd.docker.reference.type'] !== undefined) return false
  return platform?.architecture !== 'unknown'
}

type Fields = Readonly<Record<string, string>>

const title = 'org.opencontainers.image.title'

function ofManifest(
  fields: Fields,
  digest: string,
  layers: readonly Blob[],
  finder: Finder,
): Found[] {
  const files = layers.filter((layer) => layer.annotations?.[title] !== undefined)
  if (files.length > 0) return files.map((file) => ofFile(fields, file, finder))
  const tars = layers.filter(({ mediaType }) => /(layer|diff)[.a-z0-9]*\.tar/.test(mediaType))
  return tars.length === 0 ? [] : [ofLayers(fields, digest, tars, finder)]
}

function ofFile(said: Fields, blob: Blob, { client, registry }: Finder): Found {
  const { digest: version, size, annotations } = blob
  const file = annotations?.[title] ?? ''
  const name = nameOf(said, file)
  const sizeBytes = BigInt(size)
  return {
    ...{ name, version, sizeBytes, sha256: version.replace('sha256:', '') },
    fields: { ...said, file },
    open: (signal) =>
      client.fetch({ ...registry.blob(version), name, sizeBytes, isChecked: true }, signal),
  }
}

/** The disk is in the last layer that has one, as a later layer hides what is below it. */
function ofLayers(
  said: Fields,
  digest: string,
  layers: readonly Blob[],
  { client, registry, mostBytes }: Finder,
): Found {
  const name = nameOf(said, 'disk')
  const [only, ...others] = layers
  return {
    ...{ name, fields: said },
    version:
      only === undefined || others.length > 0 ? `manifest ${digest}` : `layer ${only.digest}`,
    async *open(signal) {
      for (const { digest, size, mediaType } of layers.toReversed()) {
        const sizeBytes = BigInt(size)
        const wanted = { ...registry.blob(digest), name, sizeBytes, isChecked: true }
        const bytes = client.fetch(wanted, signal)
        let isThere = false
        for await (const piece of diskIn({ name, digest, mediaType, bytes, mostBytes }, signal)) {
          isThere = true
          yield piece
        }
        if (isThere) return
      }
      const text = `${name} has no disk: KubeVirt's images have one below disk/`
      throw precondition('SOURCE_UNREADABLE', text, { name })
    },
  }
}

/** A tag, and what else tells its files apart. */
function nameOf({ tag = '', arch, variant }: Fields, file: string): string {
  return [tag, arch, variant, file].filter((word) => word !== undefined).join('/')
}
