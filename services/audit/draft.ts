import type { Caller } from '../../lib/rpc/caller.ts'
import { keptResources, resourcesOf, type Resource } from './resources.ts'
import { whatWasSaid } from './said.ts'

/** An event that has no place in the chain yet. */
export interface Draft {
  readonly actor: string
  readonly role: string
  readonly peer: string
  readonly method: string
  readonly requestId: string
  /** Of the form `kind:name`, in order. */
  readonly resources: string[]
  readonly outcome: 'done' | 'denied'
  readonly reason: string
  readonly request: string
  readonly beforeEtag: string
  readonly beforeState: string
  readonly afterEtag: string
  readonly afterState: string
  readonly suppressed: number
}

/** What became of a call, for the log. */
export interface Told {
  readonly method: string
  readonly caller: Caller | undefined
  readonly peer?: string
  readonly request: unknown
  readonly answer?: unknown
}

export function draftOfCall({ method, caller, request, answer }: Told): Draft {
  const fields = textsOf(request)
  return {
    ...empty,
    ...callerOf(caller),
    method,
    requestId: kept(fields('requestId'), 64),
    resources: resourcesKept(resourcesOf(method, caller, request, answer)),
    reason: kept(fields('reason'), 2000),
    request: whatWasSaid(request),
    beforeEtag: kept(fields('etag'), 100),
    ...standingAfter(answer),
  }
}

export function draftOfDenial(told: Told, reason: string, suppressed: number): Draft {
  const draft = draftOfCall({ ...told, answer: undefined })
  const peer = kept(told.peer ?? '', 100)
  return {
    ...draft,
    peer,
    outcome: 'denied',
    beforeEtag: '',
    reason: kept(reason, 2000),
    suppressed,
  }
}

/** What the portal did by itself. */
export interface Deed {
  /** What it did, in small letters with hyphens: `expire-image`. */
  readonly deed: string
  /** To what. */
  readonly resources: readonly Resource[]
  readonly reason: string
  /** How the first of these stands after it, where that is known. */
  readonly after?: { readonly etag?: string; readonly state?: string }
}

export function draftOfDeed({ deed, resources, reason, after }: Deed): Draft {
  return {
    ...empty,
    actor: 'system',
    role: 'system',
    method: deed,
    resources: resourcesKept(resources),
    reason: kept(reason, 2000),
    afterEtag: after?.etag ?? '',
    afterState: after?.state ?? '',
  }
}

const empty: Draft = {
  actor: '',
  role: '',
  peer: '',
  method: '',
  requestId: '',
  resources: [],
  outcome: 'done',
  reason: '',
  request: '',
  beforeEtag: '',
  beforeState: '',
  afterEtag: '',
  afterState: '',
  suppressed: 0,
}

function callerOf(caller: Caller | undefined): Pick<Draft, 'actor' | 'role' | 'peer'> {
  if (caller === undefined) return { actor: '', role: '', peer: '' }
  return { actor: kept(caller.name, 200), role: caller.role.kind, peer: caller.peer ?? '' }
}

/** How what was changed stands now: by what the answer tells of it. */
function standingAfter(answer: unknown): Pick<Draft, 'afterEtag' | 'afterState'> {
  const [changed] = Object.values<unknown>(Object(answer) as Record<string, unknown>)
  const fields = textsOf(changed)
  return { afterEtag: kept(fields('etag'), 100), afterState: fields('state') }
}

function textsOf(message: unknown): (field: string) => string {
  const fields = new Map<string, unknown>(Object.entries(Object(message) as object))
  return (field) => {
    const value = fields.get(field)
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
}

function resourcesKept(resources: readonly Resource[]): string[] {
  return keptResources(resources.map(({ kind, name }) => ({ kind, name: clean(name) })))
}

function kept(text: string, most: number): string {
  return clean(text.length > most ? `${text.slice(0, most)}…` : text)
}

/** Postgres keeps no NUL in a text, and half a character has no bytes. */
function clean(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}').toWellFormed()
}
