import { z } from 'zod'
import type { GithubArtifactsPlace } from '../../lib/sources/place.ts'
import { filesIn } from './archives.ts'
import { openClient } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { githubAsk, githubList } from './github.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { pages } from './pages.ts'

/** The files in what runs of workflows left: of each name, the newest of a run that succeeded. */
export function githubArtifactsOrigin(place: GithubArtifactsPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const succeeded = async (run: number, signal: AbortSignal): Promise<boolean> => {
    const { conclusion } = await client.json(
      runForm,
      githubAsk(place, ['actions', 'runs', run]),
      signal,
    )
    return conclusion === 'success'
  }
  const ours = async (signal: AbortSignal): Promise<Artifact[]> => {
    const all: Artifact[] = []
    const ask = githubList(place, ['actions', 'artifacts'])
    for await (const page of pages(client, artifactsForm, ask, mostPages, signal)) {
      all.push(...page.artifacts.filter((artifact) => isOurs(artifact, place)))
    }
    return all.toSorted((a, b) => b.created_at.localeCompare(a.created_at) || b.id - a.id)
  }
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const runs = new Map<number, boolean>()
    const newest = new Map<string, Artifact>()
    for (const artifact of await ours(signal)) {
      if (newest.has(artifact.name)) continue
      const run = artifact.workflow_run?.id ?? 0
      if (!runs.has(run) && runs.size < mostRuns) runs.set(run, await succeeded(run, signal))
      if (runs.get(run) === true) newest.set(artifact.name, artifact)
    }
    const found: Found[] = []
    for (const artifact of newest.values()) {
      found.push(...(await filesIn(archiveOf(artifact, place), client, signal)))
    }
    return found
  }
  return originOf(find, deps, client)
}

const mostPages = 10

/** Each costs a request. */
const mostRuns = 20

const artifactForm = z.object({
  id: z.number().int(),
  name: z.string(),
  expired: z.boolean(),
  created_at: z.iso.datetime({ offset: true }),
  digest: z.string().nullish(),
  workflow_run: z
    .object({
      id: z.number().int(),
      repository_id: z.number().int(),
      head_repository_id: z.number().int().nullish(),
      head_branch: z.string().nullish(),
      head_sha: z.string(),
    })
    .nullish(),
})

type Artifact = z.infer<typeof artifactForm>

const artifactsForm = z.object({ artifacts: z.array(artifactForm) })

const runForm = z.object({ conclusion: z.string().nullish() })

/** A run of somebody else's copy of the repository may have a branch of the same name, and leaves what it likes. */
function isOurs({ expired, workflow_run: run }: Artifact, { branch }: GithubArtifactsPlace) {
  if (expired || run === null || run === undefined) return false
  return (
    run.head_repository_id === run.repository_id &&
    (branch === undefined || run.head_branch === branch)
  )
}

function archiveOf(artifact: Artifact, place: GithubArtifactsPlace) {
  const { id, name, digest, workflow_run: run } = artifact
  return {
    ...{ name: `the artifact ${name}`, prefix: `${name}/`, version: digest ?? `artifact ${id}` },
    ask: githubAsk(place, ['actions', 'artifacts', id, 'zip']),
    time: new Date(artifact.created_at),
    fields: {
      ...{ artifact: name, run: String(run?.id ?? '') },
      ...{ branch: run?.head_branch ?? '', commit: run?.head_sha ?? '' },
    },
  }
}
