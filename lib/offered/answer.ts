import type { Listing, Repository, Resource } from './listing.ts'

/** What is answered to a request: something that is there, or a few bytes of its own. */
export type Answer =
  | { readonly kind: 'resource'; readonly resource: Resource; readonly headers: Headers }
  | {
      readonly kind: 'said'
      readonly status: number
      readonly body: string
      readonly headers: Headers
    }

type Headers = Readonly<Record<string, string>>

/** What went wrong, as the OCI distribution specification has it. */
const codes = {
  NAME_UNKNOWN: [404, 'there is no such repository'],
  MANIFEST_UNKNOWN: [404, 'there is no such manifest'],
  BLOB_UNKNOWN: [404, 'there is no such blob'],
  DIGEST_INVALID: [400, 'that is no digest'],
  PAGINATION_NUMBER_INVALID: [400, 'n is a count of 1 to 1000'],
  UNSUPPORTED: [405, 'this registry is read only'],
  TOOMANYREQUESTS: [429, 'too much is read at once: try again soon'],
  UNAVAILABLE: [503, 'the images cannot be listed now: try again soon'],
} as const

export type ErrorCode = keyof typeof codes

const version = { 'docker-distribution-api-version': 'registry/2.0' }

/** An answer for people and for clients of registries alike. */
export function refusal(code: ErrorCode, headers: Headers = {}): Answer {
  const [status, message] = codes[code]
  return said(status, { errors: [{ code, message }] }, headers)
}

/** A path that is none. */
export const nothing: Answer = { kind: 'said', status: 404, body: '', headers: {} }

/** What a path and a query mean, of all that is on offer. */
export function answerTo(target: string, listing: Listing): Answer {
  const [path = '', query = ''] = target.split('?', 2)
  if (path === '/v2' || path.startsWith('/v2/')) return fromRegistry(path.slice(4), query, listing)
  const resource = listing.files.get(path.slice(1))
  return resource === undefined ? nothing : { kind: 'resource', resource, headers: {} }
}

const ofRepository = /^(.+)\/(tags|manifests|blobs)\/([^/]+)$/

function fromRegistry(path: string, query: string, { repositories }: Listing): Answer {
  if (path === '') return said(200, {})
  if (path === '_catalog') {
    return paged([...repositories.keys()], query, '_catalog', (some) => ({ repositories: some }))
  }
  const [, name = '', what = '', which = ''] = ofRepository.exec(path) ?? []
  const repository = repositories.get(name)
  if (what === '') return nothing
  if (repository === undefined) return refusal('NAME_UNKNOWN')
  if (what === 'manifests') return manifestIn(repository, which)
  if (what === 'blobs') return blobIn(repository, which)
  if (which !== 'list') return nothing
  return paged([...repository.tags.keys()], query, `${name}/tags/list`, (tags) => ({ name, tags }))
}

const digestPattern = /^sha256:[0-9a-f]{64}$/

function manifestIn({ tags, manifests }: Repository, reference: string): Answer {
  const tagged = tags.get(reference)
  const digest = tagged === undefined ? reference : `sha256:${tagged}`
  const resource = manifests.get(digest)
  return resource === undefined ? refusal('MANIFEST_UNKNOWN') : found(resource)
}

function blobIn({ blobs }: Repository, digest: string): Answer {
  const resource = blobs.get(digest)
  if (resource !== undefined) return found(resource)
  return refusal(digestPattern.test(digest) ? 'BLOB_UNKNOWN' : 'DIGEST_INVALID')
}

function found(resource: Resource): Answer {
  const headers = { ...version, 'docker-content-digest': `sha256:${resource.sha256}` }
  return { kind: 'resource', resource, headers }
}

const mostAPage = 1000

/** A part of a list, with a link to the next where there is more. */
function paged(
  all: readonly string[],
  query: string,
  path: string,
  render: (some: readonly string[]) => object,
): Answer {
  const asked = new URLSearchParams(query)
  const count = asked.get('n') ?? String(mostAPage)
  if (!/^[1-9]\d{0,3}$/.test(count)) return refusal('PAGINATION_NUMBER_INVALID')
  const after = asked.get('last') ?? ''
  const rest = all.filter((name) => name > after)
  const some = rest.slice(0, Math.min(Number(count), mostAPage))
  const last = some.at(-1)
  if (last === undefined || some.length === rest.length) return said(200, render(some))
  const next = `/v2/${path}?n=${some.length}&last=${encodeURIComponent(last)}`
  return said(200, render(some), { link: `<${next}>; rel="next"` })
}

function said(status: number, body: object, headers: Headers = {}): Answer {
  const type = { 'content-type': 'application/json' }
  return {
    kind: 'said',
    status,
    body: JSON.stringify(body),
    headers: { ...version, ...type, ...headers },
  }
}
