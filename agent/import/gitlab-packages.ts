import { z } from 'zod'
import type { GitlabPackagesPlace } from '../../lib/sources/place.ts'
import { type Client, openClient } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { openGitlab } from './gitlab.ts'
import type { Origin, OriginDeps } from './origin.ts'

/** The files of the newest versions of a generic package. */
export function gitlabPackagesOrigin(place: GitlabPackagesPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const gitlab = openGitlab(place, client)
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const found: Found[] = []
    for (const { id, version } of await newest(signal)) {
      const ask = gitlab.ask(['packages', id, 'package_files'])
      const files = new Map<string, File>()
      for await (const file of gitlab.list(fileForm, ask, signal)) {
        // A file that was sent again is there twice, and the later one is what is given out.
        const before = files.get(file.file_name)
        if (before === undefined || before.id < file.id) files.set(file.file_name, file)
      }
      found.push(...[...files.values()].map((file) => foundOf(version, file, place, client)))
    }
    return found
  }
  const newest = async (signal: AbortSignal): Promise<readonly Package[]> => {
    const query = { package_type: 'generic', package_name: place.package }
    const ask = gitlab.ask(['packages'], { ...query, order_by: 'created_at', sort: 'desc' })
    const versions: Package[] = []
    for await (const one of gitlab.list(packageForm, ask, signal)) {
      // GitLab looks for names that are like it.
      if (one.name === place.package && one.status === 'default') versions.push(one)
      if (versions.length >= mostVersions) break
    }
    return versions
  }
  return originOf(find, deps, client)
}

function foundOf(version: string, file: File, place: GitlabPackagesPlace, client: Client): Found {
  const name = `${version}/${file.file_name}`
  const sum = file.file_sha256?.toLowerCase()
  const sizeBytes = BigInt(file.size)
  const words = ['packages', 'generic', place.package, version, ...file.file_name.split('/')]
  return {
    ...{ name, sizeBytes, time: new Date(file.created_at) },
    version: sum === undefined ? `file ${file.id} ${file.size}` : `sha256:${sum}`,
    ...(sum === undefined ? {} : { sha256: sum }),
    fields: { package: place.package, version, file: file.file_name },
    open: (signal) => {
      const { url } = openGitlab(place, client).ask(words)
      return client.fetch({ url, name, sizeBytes, isChecked: sum !== undefined }, signal)
    },
  }
}

const mostVersions = 20

const packageForm = z.object({
  id: z.number().int(),
  name: z.string(),
  version: z.string(),
  status: z.string().default('default'),
})

type Package = z.infer<typeof packageForm>

const fileForm = z.object({
  id: z.number().int(),
  file_name: z.string(),
  size: z.number().int().nonnegative(),
  created_at: z.iso.datetime({ offset: true }),
  file_sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .nullish()
    .transform((sum) => sum ?? undefined),
})

type File = z.infer<typeof fileForm>
