import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { OciPlace } from '../../lib/sources/place.ts'
import type { Ask } from './asking.ts'
import { authorizer } from './authorizer.ts'
import { wrong } from './checked.ts'
import type { Client } from './client.ts'
import { address } from './naming.ts'
import type { OriginDeps } from './origin.ts'
import { pages } from './pages.ts'
import type { Content } from './reading.ts'

/** A repository of a registry, as the OCI distribution specification has it. */
export interface Registry {
  tags(signal: AbortSignal): Promise<readonly string[]>
  /** By tag or digest; by a digest, it has that. */
  manifest(reference: string, signal: AbortSignal): Promise<Content>
  blob(digest: string): Ask
}

const mostPages = 100

const tagsForm = z.object({ tags: z.array(z.string()).nullish() })

export function openRegistry(
  place: OciPlace,
  client: Client,
  { now }: Pick<OriginDeps, 'now'>,
): Registry {
  const authorization = authorizer(place, client, now)
  const at = (...words: readonly string[]): Ask => ({
    url: address(place.url, ['v2', ...place.repository.split('/'), ...words]),
    authorization,
  })
  return {
    async tags(signal) {
      const tags: string[] = []
      for await (const page of pages(client, tagsForm, at('tags', 'list'), mostPages, signal)) {
        tags.push(...(page.tags ?? []))
      }
      return tags
    },
    async manifest(reference, signal) {
      const wanted = { ...at('manifests', reference), headers: { accept: manifestTypes } }
      const content = await client.read(wanted, signal)
      const digest = digestOf(content.bytes)
      if (!reference.includes(':') || reference === digest) return content
      throw wrong(reference, `came as another manifest, ${digest}`)
    },
    blob: (digest) => at('blobs', digest),
  }
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')
