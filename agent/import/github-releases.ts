import { z } from 'zod'
import type { GithubReleasesPlace } from '../../lib/sources/place.ts'
import { openClient } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { githubAsk, githubList } from './github.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { pages } from './pages.ts'

/** The files that are attached to releases. */
export function githubReleasesOrigin(place: GithubReleasesPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const foundOf = (release: Release, asset: Asset): Found => {
    const { tag_name: tag, prerelease } = release
    const { id, size, digest, updated_at: updated } = asset
    const name = `${tag}/${asset.name}`
    const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(digest ?? '') ?? []
    const sizeBytes = BigInt(size)
    return {
      ...{ name, sizeBytes, time: new Date(updated) },
      version: sha256 === undefined ? `asset ${id} ${updated} ${size}` : `sha256:${sha256}`,
      ...(sha256 === undefined ? {} : { sha256 }),
      fields: {
        ...{ tag, version: tag.replace(/^v(?=\d)/, ''), file: asset.name },
        ...{ title: release.name ?? '', prerelease: String(prerelease) },
      },
      open: (signal) => {
        const ask = githubAsk(place, ['releases', 'assets', id], 'application/octet-stream')
        return client.fetch({ ...ask, name, sizeBytes, isChecked: sha256 !== undefined }, signal)
      },
    }
  }
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const found: Found[] = []
    const ask = githubList(place, ['releases'])
    for await (const releases of pages(client, releasesForm, ask, mostPages, signal)) {
      for (const release of releases.filter(({ draft }) => !draft)) {
        const whole = release.assets.filter(({ state }) => state === 'uploaded')
        found.push(...whole.map((asset) => foundOf(release, asset)))
      }
    }
    return found
  }
  return originOf(find, deps, client)
}

const mostPages = 10

const assetForm = z.object({
  id: z.number().int(),
  name: z.string(),
  state: z.string().default('uploaded'),
  size: z.number().int().nonnegative(),
  digest: z.string().nullish(),
  updated_at: z.iso.datetime({ offset: true }),
})

type Asset = z.infer<typeof assetForm>

const releaseForm = z.object({
  tag_name: z.string(),
  name: z.string().nullish(),
  draft: z.boolean(),
  prerelease: z.boolean(),
  assets: z.array(assetForm),
})

type Release = z.infer<typeof releaseForm>

const releasesForm = z.array(releaseForm)
