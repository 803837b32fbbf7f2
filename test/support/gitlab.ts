import { createHash } from 'node:crypto'
import { type Forge, type Reply, startForge } from './forge.ts'

export interface GitlabFile {
  readonly id: number
  readonly name: string
  readonly bytes: Buffer
  readonly sha256?: string
}

export interface GitlabState {
  packages: {
    id: number
    name: string
    version: string
    status?: string
    files: readonly GitlabFile[]
  }[]
  pipelines: {
    id: number
    ref: string
    status: string
    jobs: readonly {
      id: number
      name: string
      status: string
      archive?: Buffer
      expired?: boolean
    }[]
  }[]
  /** Where downloads are to be had, if not here. */
  storage?: string
  /** Answers of this, in place of all others. */
  down?: Reply
}

export interface Gitlab extends Forge {
  readonly state: GitlabState
  readonly token: string
}

const gone: Reply = { kind: 'status', status: 404 }

/**
 * GitLab's API of one private project, group/project, as https://docs.gitlab.com/api/packages, /api/pipelines, /api/jobs and
 * /api/job_artifacts describe it.
 */
export async function startGitlab(): Promise<Gitlab> {
  const token = 'glpat-secret'
  const state: GitlabState = { packages: [], pipelines: [] }
  const forge = await startForge((path, { headers }, query) => {
    if (state.down !== undefined) return state.down
    const given = headers['private-token']
    // A project that one may not see looks like one that is not there.
    if (given !== token) return given === undefined ? gone : { kind: 'status', status: 401 }
    const rest = /^\/api\/v4\/projects\/group%2Fproject\/(.+)$/.exec(path)?.[1]
    return rest === undefined ? gone : answer(state, rest.split('/').map(decodeURIComponent), query)
  })
  return { ...forge, state, token }
}

function answer(state: GitlabState, words: readonly string[], query: URLSearchParams): Reply {
  const [noun, id, what] = words
  if (noun === 'packages' && id === undefined) return packages(state, query)
  if (noun === 'packages' && id === 'generic') return file(state, words.slice(2))
  if (noun === 'packages') return files(state, Number(id))
  if (noun === 'pipelines' && id === undefined) return pipelines(state, query)
  if (noun === 'pipelines') return jobs(state, Number(id), query)
  return noun === 'jobs' && what === 'artifacts' ? archive(state, Number(id)) : gone
}

const time = '2026-11-27T10:00:00.000Z'

function packages(state: GitlabState, query: URLSearchParams): Reply {
  const like = query.get('package_name') ?? ''
  const list = state.packages
    .filter(({ name }) => query.get('package_type') === 'generic' && name.includes(like))
    .map(({ id, name, version, status = 'default' }) => ({
      ...{ id, name, version, package_type: 'generic', status, created_at: time },
    }))
  return { kind: 'list', list: query.get('sort') === 'desc' ? list.toReversed() : list }
}

function files(state: GitlabState, id: number): Reply {
  const found = state.packages.find((one) => one.id === id)
  const list = found?.files.map(({ id, name, bytes, sha256 }) => ({
    ...{ id, package_id: found.id, created_at: time, file_name: name, size: bytes.length },
    ...{ file_md5: null, file_sha1: null },
    file_sha256: sha256 ?? createHash('sha256').update(bytes).digest('hex'),
  }))
  return list === undefined ? gone : { kind: 'list', list }
}

function file(state: GitlabState, [name, version, ...path]: readonly string[]): Reply {
  const found = state.packages.find((one) => one.name === name && one.version === version)
  const bytes = found?.files.findLast((one) => one.name === path.join('/'))?.bytes
  return sent(state, bytes)
}

function pipelines(state: GitlabState, query: URLSearchParams): Reply {
  const list = state.pipelines
    .filter(({ ref, status }) => ref === query.get('ref') && status === query.get('status'))
    .map(({ id, ref, status }) => ({ id, iid: id, ref, status, source: 'push', sha: 'a91957a' }))
  return { kind: 'list', list: list.toReversed() }
}

function jobs(state: GitlabState, id: number, query: URLSearchParams): Reply {
  const found = state.pipelines.find((one) => one.id === id)
  const list = found?.jobs
    .filter(({ status }) => status === query.get('scope[]'))
    .map(({ id, name, status, archive, expired = false }) => ({
      ...{ id, name, status, created_at: time, finished_at: time },
      ...(archive === undefined
        ? {}
        : { artifacts_file: { filename: 'artifacts.zip', size: archive.length } }),
      artifacts_expire_at: expired ? '2026-11-01T00:00:00.000Z' : null,
      ...{ pipeline: { id: found.id }, commit: { id: 'a91957a858320c0e17f3a0eca7cfacbff50ea29a' } },
    }))
  return list === undefined ? gone : { kind: 'list', list }
}

function archive(state: GitlabState, id: number): Reply {
  const all = state.pipelines.flatMap(({ jobs }) => jobs)
  return sent(state, all.find((job) => job.id === id)?.archive)
}

function sent({ storage }: GitlabState, bytes?: Buffer): Reply {
  if (bytes === undefined) return gone
  if (storage === undefined) return { kind: 'bytes', bytes }
  return { kind: 'status', status: 302, headers: { location: storage } }
}
