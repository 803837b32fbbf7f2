import { createHash } from 'node:crypto'
import { type Forge, type Reply, startForge } from './forge.ts'

export interface GithubState {
  releases: {
    id: number
    tag: string
    draft?: boolean
    prerelease?: boolean
    assets: readonly GithubAsset[]
  }[]
  artifacts: {
    id: number
    name: string
    archive: Buffer
    run: number
    branch: string
    expired?: boolean
    /** Of a copy of the repository. */
    fork?: boolean
  }[]
  /** How runs ended; well if nothing is said. */
  conclusions: Readonly<Record<number, string>>
  /** Where downloads are to be had, if not here. */
  storage?: string
  /** Answers of this, in place of all others. */
  down?: Reply
}

interface GithubAsset {
  readonly id: number
  readonly name: string
  readonly bytes: Buffer
  /** In place of the true one; null where there is none, as of old assets. */
  readonly digest?: string | null
  readonly state?: string
}

export interface Github extends Forge {
  readonly state: GithubState
  readonly token: string
}

const gone: Reply = { kind: 'status', status: 404 }
const here = 1296269

/**
 * GitHub's API of one private repository, owner/repo, as https://docs.github.com/rest/releases and
 * https://docs.github.com/rest/actions describe it.
 */
export async function startGithub(): Promise<Github> {
  const token = 'github_pat_secret'
  const state: GithubState = { releases: [], artifacts: [], conclusions: {} }
  const forge = await startForge((path, { headers }) => {
    if (state.down !== undefined) return state.down
    // It answers nobody who does not say what it is.
    if (headers['user-agent'] === undefined) return { kind: 'status', status: 403 }
    const given = headers.authorization
    if (given !== `Bearer ${token}`) {
      return given === undefined ? gone : { kind: 'status', status: 401 }
    }
    const rest = /^\/repos\/owner\/repo\/(.+)$/.exec(path)?.[1] ?? ''
    return answer(state, rest.split('/'), headers.accept ?? '')
  })
  return { ...forge, state, token }
}

function answer(state: GithubState, words: readonly string[], accept: string): Reply {
  const [noun, what, id, zip] = words
  if (noun === 'releases')
    return what === 'assets' ? asset(state, Number(id), accept) : releases(state)
  if (noun !== 'actions') return gone
  if (what === 'runs') {
    const conclusion = state.conclusions[Number(id)] ?? 'success'
    return { kind: 'json', json: { id: Number(id), status: 'completed', conclusion } }
  }
  if (zip === undefined) return artifacts(state)
  const found = state.artifacts.find((one) => one.id === Number(id))
  if (found?.expired === true) return { kind: 'status', status: 410 }
  return sent(state, found?.archive)
}

const time = '2026-11-27T10:00:00Z'

const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

function releases({ releases }: GithubState): Reply {
  const list = releases.map(({ id, tag, draft = false, prerelease = false, assets }) => ({
    ...{ id, tag_name: tag, name: `Release ${tag}`, draft, prerelease, published_at: time },
    assets: assets.map(({ id, name, bytes, digest = digestOf(bytes), state = 'uploaded' }) => ({
      ...{ id, name, state, size: bytes.length, digest, created_at: time, updated_at: time },
      content_type: 'application/octet-stream',
    })),
  }))
  return { kind: 'list', list }
}

/** What it is, or its bytes, as the caller accepts. */
function asset(state: GithubState, id: number, accept: string): Reply {
  const found = state.releases.flatMap(({ assets }) => assets).find((one) => one.id === id)
  if (found === undefined) return gone
  if (accept !== 'application/octet-stream') return { kind: 'json', json: { id, name: found.name } }
  return sent(state, found.bytes)
}

function artifacts({ artifacts }: GithubState): Reply {
  const list = artifacts.map(
    ({ id, name, archive, run, branch, expired = false, fork = false }) => ({
      ...{ id, name, size_in_bytes: archive.length, expired, digest: digestOf(archive) },
      created_at: new Date(Date.parse(time) + id * 1000).toISOString().replace('.000', ''),
      workflow_run: {
        ...{ id: run, repository_id: here, head_repository_id: fork ? 2 : here },
        ...{ head_branch: branch, head_sha: 'ecc2c0a0ee7a4ac8a9e4c2e5e1e5a1d1a1b1c1d1' },
      },
    }),
  )
  return { kind: 'list', list, within: 'artifacts' }
}

function sent({ storage }: GithubState, bytes?: Buffer): Reply {
  if (bytes === undefined) return gone
  if (storage === undefined) return { kind: 'bytes', bytes }
  return { kind: 'status', status: 302, headers: { location: storage } }
}
