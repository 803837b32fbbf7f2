import type { Caller } from '../../lib/rpc/caller.ts'

/** What an event is about. */
export interface Resource {
  readonly kind: string
  readonly name: string
}

/** How a resource is kept and found. */
export function resourceText({ kind, name }: Resource): string {
  return `${kind}:${name}`
}

export function parseResource(text: string): Resource {
  const colon = text.indexOf(':')
  return { kind: text.slice(0, colon), name: text.slice(colon + 1) }
}

const most = 64
const longestName = 200

/** In order, each once, with the facilities whose names they have. */
export function keptResources(resources: readonly Resource[]): string[] {
  const usable = resources.filter(({ name }) => name !== '' && name.length <= longestName)
  const facilities = usable.filter(({ kind }) => kind === 'facility')
  // First, so that whoever is responsible sees an event however much it names.
  const texts = [...facilities, ...usable.flatMap(facilityOf), ...usable].map(resourceText)
  return [...new Set(texts)].slice(0, most).sort()
}

function facilityOf({ name }: Resource): readonly Resource[] {
  const facility = /^([a-z0-9-]{1,64})\//.exec(name)?.[1]
  return facility === undefined ? [] : [{ kind: 'facility', name: facility }]
}

/** What a call names: by the fields of its request and of its answer, and by the noun of its method; and the caller's facility. */
export function resourcesOf(
  method: string,
  caller: Caller | undefined,
  request: unknown,
  answer: unknown,
): readonly Resource[] {
  const last = (/[A-Z][a-z]+$/.exec(method)?.[0] ?? '').toLowerCase()
  const noun = kinds[last] ?? last
  const ofAnswer = { ...kinds, [noun]: noun }
  return [
    ...named(request, { ...kinds, ...ofRequests, name: noun, id: noun }),
    ...entries(answer).flatMap(([field, value]) => [
      ...named({ [field]: value }, ofAnswer),
      ...entries(value).flatMap(([inner, item]) => named({ [inner]: item }, kinds)),
    ]),
    ...facilityOfCaller(caller),
  ]
}

type Kinds = Readonly<Record<string, string>>

/** What the fields of messages are called that name something. */
const kinds: Kinds = {
  alias: 'alias',
  build: 'build',
  certificates: 'certificate',
  facility: 'facility',
  hold: 'hold',
  holds: 'hold',
  image: 'image',
  images: 'image',
  lock: 'lock',
  nodes: 'image',
  policy: 'policy',
  recipe: 'recipe',
  replacement: 'image',
  rule: 'rule',
  run: 'run',
  scan: 'scan',
  serial: 'certificate',
  source: 'source',
}

/** These mean something else, or too much, in answers. */
const ofRequests: Kinds = {
  distro: 'distro',
  follow: 'line',
  namespace: 'facility',
  role: 'role',
  target: 'line',
  uploadId: 'upload',
}

function named(message: unknown, known: Kinds): readonly Resource[] {
  return entries(message).flatMap(([field, value]) => {
    const kind = known[field]
    if (kind === undefined) return []
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    return items.flatMap((item) => namesIn(item).map((name) => ({ kind, name })))
  })
}

/** A name is a text, or in a message: its `serial`, its `name`, its `id`, or the image of a node. */
function namesIn(item: unknown): readonly string[] {
  if (typeof item === 'string') return [item]
  const fields = new Map(entries(item))
  const name = fields.get('serial') ?? fields.get('name') ?? fields.get('id') ?? fields.get('image')
  return typeof name === 'string' ? [name] : []
}

/** The fields of a message; of several of which it has one, as ts-proto has it, that one. */
function entries(message: unknown): readonly (readonly [string, unknown])[] {
  if (typeof message !== 'object' || message === null) return []
  return Object.entries(message as Readonly<Record<string, unknown>>).map(([field, value]) => {
    const isOneOf = typeof value === 'object' && value !== null && '$case' in value
    return isOneOf && 'value' in value ? [String(value.$case), value.value] : [field, value]
  })
}

function facilityOfCaller(caller: Caller | undefined): readonly Resource[] {
  const role = caller?.role
  const isOf = role?.kind === 'manager' || role?.kind === 'agent'
  return isOf ? [{ kind: 'facility', name: role.facility }] : []
}
