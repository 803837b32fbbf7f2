import { internal } from '../../../lib/failure.ts'
import type { Caller } from '../../../lib/rpc/caller.ts'
import type { CallOptions, Remote } from '../../../lib/rpc/connect.ts'
import type { Call } from '../../../lib/rpc/serve.ts'
import type { Definition, Method, Service } from '../../../lib/rpc/service.ts'
import type { Chance } from './chance.ts'
import { type Fate, type Talk, talkOver } from './talk.ts'
import type { Life, Timeline } from './timeline.ts'

/** What a network may do wrong: of a thousand calls, so many are cut, hang, end early or bring other bytes. */
export interface NetworkFaults {
  cuts: number
  stalls: number
  truncations: number
  lies: number
  /** The longest that a message takes. */
  latencyMs: number
}

/** A server somewhere: none while its process is not there. */
export interface Server {
  readonly name: string
  life: Life | undefined
  /** By the path of the method. */
  handlers: ReadonlyMap<string, Handler>
  /** Who does not get through to it. */
  isCutFrom: (caller: string) => boolean
}

export interface Client {
  readonly life: Life
  readonly caller: Caller
}

type Handler = (input: unknown, call: Call) => unknown

export interface Network {
  readonly faults: NetworkFaults
  /** The methods of a service of a server, for a process. */
  connect<D extends Definition>(definition: D, client: Client, server: Server): Remote<D>
  /** Whoever talks to a process, or is talked to, misses it: at once, or, after a power cut, when nothing comes any more. */
  gone(life: Life, isSilent: boolean): void
}

/** The handlers of a service, by which a server answers. */
export function handlersOf<D extends Definition>(
  definition: D,
  service: Partial<Service<D, [call: Call]>>,
): [string, Handler][] {
  return Object.entries(definition).flatMap(([name, { path }]) => {
    const handler = service[name] as Handler | undefined
    return handler === undefined ? [] : [[path, handler]]
  })
}

const bytesPerMs = 2_000

export function networkOf(time: Timeline, chance: Chance): Network {
  const faults: NetworkFaults = { cuts: 0, stalls: 0, truncations: 0, lies: 0, latencyMs: 5 }
  const talks = new Set<Talk>()
  const latency = (bytes: number): number =>
    chance.between(1, 10 * faults.latencyMs) / 10 + bytes / bytesPerMs
  const deps = { time, latency, onEnd: (talk: Talk) => talks.delete(talk) }
  return {
    faults,
    connect(definition, client, server) {
      const methods = Object.entries(definition).map(([name, method]) => {
        const what = `${client.life.name} → ${server.name} ${name}`
        const begin = (options: CallOptions): Talk => {
          options.signal?.throwIfAborted()
          const talk = talkOver(what, { client, server }, options, method.responseStream, deps)
          talks.add(talk)
          return talk
        }
        const ask = method.responseStream ? stream : single
        return [
          name,
          (input: unknown, options: CallOptions = {}) =>
            ask(method, input, () => begin(options), fateOf(faults, chance), chance),
        ]
      })
      return Object.fromEntries(methods) as Remote<typeof definition>
    },
    gone(life, isSilent) {
      for (const talk of talks) {
        if (talk.client.life === life) talk.end()
        else if (talk.server.life === life) talk.miss(isSilent)
      }
    },
  }
}

function fateOf({ cuts, stalls, truncations, lies }: NetworkFaults, chance: Chance): Fate {
  const drawn = chance.between(0, 999)
  if (drawn < cuts) return 'cut'
  if (drawn < cuts + stalls) return 'stall'
  if (drawn < cuts + stalls + truncations) return 'short'
  return drawn < cuts + stalls + truncations + lies ? 'lie' : 'fine'
}

function handlerOf(method: Method, { server, call }: Talk): (request: unknown) => unknown {
  const handler = server.handlers.get(method.path)
  if (handler === undefined) throw internal('INTERNAL', `nobody answers ${method.path} here`)
  return (request) => handler(request, call)
}

function written(method: Method, message: unknown): Buffer {
  return Buffer.from(method.responseSerialize(message as never))
}

async function single(
  method: Method,
  input: unknown,
  begin: () => Talk,
  fate: Fate,
  chance: Chance,
): Promise<unknown> {
  const talk = begin()
  const request = method.requestSerialize(input as never)
  const serve = async () =>
    written(method, await handlerOf(method, talk)(method.requestDeserialize(request)))
  try {
    // A call that breaks may have been carried out.
    if (fate === 'cut' && chance.happens(0.5)) return await talk.cut()
    const answer = await talk.round(request.length, serve, ({ length }) => length)
    if (fate === 'cut') return await talk.cut()
    if (fate === 'stall') return await talk.hang()
    return method.responseDeserialize(answer)
  } finally {
    talk.end()
  }
}

async function* stream(
  method: Method,
  input: unknown,
  begin: () => Talk,
  fate: Fate,
  chance: Chance,
): AsyncGenerator {
  const talk = begin()
  const request = method.requestSerialize(input as never)
  const wrongAt = chance.between(0, 3)
  let answers: AsyncIterator<unknown> | undefined
  const serve = async () => {
    const opened = handlerOf(method, talk)(method.requestDeserialize(request))
    answers ??= (opened as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    const next = await answers.next()
    return next.done === true ? undefined : written(method, next.value)
  }
  talk.call.signal.addEventListener('abort', () => {
    answers?.return?.().catch(() => undefined)
  })
  try {
    for (let at = 0; ; at++) {
      const answer = await talk.round(0, serve, (bytes) => bytes?.length ?? 0)
      if (at === wrongAt && fate === 'cut') yield await talk.cut()
      if (at === wrongAt && fate === 'stall') yield await talk.hang()
      if (answer === undefined || (at === wrongAt && fate === 'short')) return
      if (at === wrongAt && fate === 'lie' && mayLie(method)) flipBit(answer, chance)
      yield read(method, answer)
    }
  } finally {
    talk.end()
  }
}

function read(method: Method, bytes: Buffer): unknown {
  try {
    return method.responseDeserialize(bytes)
  } catch (error) {
    throw internal('INTERNAL', 'what came cannot be read', {}, error)
  }
}

/** What is checked by whoever gets it; a control message is the line's to keep right. */
function mayLie({ path }: Method): boolean {
  return /(FetchChunks|FetchDeltas|GetManifest)$/.test(path)
}

function flipBit(bytes: Buffer, chance: Chance): void {
  const at = chance.between(0, bytes.length - 1)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.between(0, 7))
}
