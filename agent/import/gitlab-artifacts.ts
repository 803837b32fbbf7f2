import { z } from 'zod'
import { missing } from '../../lib/failure.ts'
import type { GitlabArtifactsPlace } from '../../lib/sources/place.ts'
import { filesIn } from './archives.ts'
import { openClient } from './client.ts'
import { originOf } from './finding.ts'
import { openGitlab } from './gitlab.ts'
import type { Origin, OriginDeps } from './origin.ts'

/** The files in the archive that a job left, in the last pipeline of a ref that succeeded and has one of that job. */
export function gitlabArtifactsOrigin(place: GitlabArtifactsPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const gitlab = openGitlab(place, client)
  const lastJob = async (signal: AbortSignal): Promise<Job> => {
    const query = { ref: place.ref, status: 'success', order_by: 'id', sort: 'desc' }
    let looked = 0
    for await (const { id } of gitlab.list(
      pipelineForm,
      gitlab.ask(['pipelines'], query),
      signal,
    )) {
      const jobs = gitlab.ask(['pipelines', id, 'jobs'], { 'scope[]': 'success' })
      for await (const job of gitlab.list(jobForm, jobs, signal)) {
        if (job.name === place.job && hasArchive(job, deps.now())) return job
      }
      if (++looked >= mostPipelines) break
    }
    throw nowhere(place)
  }
  return originOf(
    async (signal) => {
      const job = await lastJob(signal)
      const archive = {
        ...{ name: `the artifacts of job ${job.id}`, prefix: '', version: `job ${job.id}` },
        ask: gitlab.ask(['jobs', job.id, 'artifacts']),
        time: new Date(job.finished_at ?? job.created_at),
        fields: {
          ...{ ref: place.ref, job: job.name, job_id: String(job.id) },
          ...{ pipeline: String(job.pipeline.id), commit: job.commit?.id ?? '' },
        },
      }
      return filesIn(archive, client, signal)
    },
    deps,
    client,
  )
}

/** Whoever runs the job in none of so many pipelines does not run it any more. */
const mostPipelines = 20

const time = z.iso.datetime({ offset: true })

const pipelineForm = z.object({ id: z.number().int() })

const jobForm = z.object({
  id: z.number().int(),
  name: z.string(),
  created_at: time,
  finished_at: time.nullish(),
  artifacts_file: z.object({ filename: z.string() }).nullish(),
  artifacts_expire_at: time.nullish(),
  pipeline: z.object({ id: z.number().int() }),
  commit: z.object({ id: z.string() }).nullish(),
})

type Job = z.infer<typeof jobForm>

function hasArchive({ artifacts_file: file, artifacts_expire_at: end }: Job, now: Date): boolean {
  const isThere = file !== null && file !== undefined
  return isThere && (typeof end !== 'string' || new Date(end).getTime() > now.getTime())
}

function nowhere({ url, project, ref, job }: GitlabArtifactsPlace) {
  const text = `No pipeline of ${ref} of ${project} has artifacts of a job ${job} that succeeded: correct the place, or keep them for longer`
  return missing('SOURCE_GONE', text, { address: url })
}
