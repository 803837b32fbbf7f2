import { Failure, internal, late, unavailable } from '../../../lib/failure.ts'
import type { CallOptions } from '../../../lib/rpc/connect.ts'
import type { Call } from '../../../lib/rpc/serve.ts'
import type { Client, Server } from './network.ts'
import type { Timeline } from './timeline.ts'

/** What becomes of a call. */
export type Fate = 'fine' | 'cut' | 'stall' | 'short' | 'lie'

/** One call, from its client to its server and back as often as it takes. */
export interface Talk {
  readonly client: Client
  readonly server: Server
  /** What the handler is told. */
  readonly call: Call
  /** Goes to the server, has it do something there, and comes back with that. */
  round<T>(bytes: number, serve: () => Promise<T>, bytesOf: (answer: T) => number): Promise<T>
  /** It breaks, from now on. */
  cut(): Promise<never>
  /** Nothing comes any more, from now on. */
  hang(): Promise<never>
  /** The other end has gone, or its line. */
  miss(isSilent: boolean): void
  /** The client needs nothing more. */
  end(): void
}

/** Who sends no sign of life for so long is taken to be gone. */
const silenceMs = 40_000
const usualDeadlineMs = 30_000

export interface TalkDeps {
  readonly time: Timeline
  readonly latency: (bytes: number) => number
  readonly onEnd: (talk: Talk) => void
}

export function talkOver(
  what: string,
  { client, server }: Pick<Talk, 'client' | 'server'>,
  { signal, deadlineMs }: CallOptions,
  isStream: boolean,
  { time, latency, onEnd }: TalkDeps,
): Talk {
  const { life } = client
  const to = server.life
  const giveUp = new AbortController()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const pending: (() => void)[] = []
  const failIn = (ms: number, why: string, error: Error): void => {
    pending.push(
      time.after(
        ms,
        `${what}: ${why}`,
        () => {
          failed.reject(error)
        },
        life,
      ),
    )
  }
  const unreachable = (): Error =>
    unavailable('UNREACHABLE', `${server.name} cannot be reached`, { address: server.name })
  const abort = (): void => {
    failed.reject(signal?.reason)
  }
  signal?.addEventListener('abort', abort, { once: true })
  const ms = deadlineMs ?? (isStream ? undefined : usualDeadlineMs)
  if (ms !== undefined)
    failIn(ms, 'too late', late('TOO_LATE', `${server.name} did not answer in time.`))
  const travel = (bytes: number, whose: typeof to): Promise<void> =>
    new Promise((resolve) => void time.after(latency(bytes), what, resolve, whose))
  const isThere = (): boolean => to !== undefined && !to.isOver && server.life === to
  const isThrough = (): boolean => !server.isCutFrom(client.life.name)
  const talk: Talk = {
    client,
    server,
    call: { caller: client.caller, signal: giveUp.signal, closing: new AbortController().signal },
    async round(bytes, serve, bytesOf) {
      const going = async () => {
        if (!isThrough()) return talk.hang()
        if (!isThere()) return talk.cut()
        await travel(bytes, to)
        const outcome = await settled(serve)
        if (!isThrough()) return talk.hang()
        await travel('answer' in outcome ? bytesOf(outcome.answer) : 0, life)
        if ('answer' in outcome) return outcome.answer
        throw asFailure(outcome.error)
      }
      return Promise.race([failed.promise, going()])
    },
    cut() {
      failIn(latency(0), 'cut', unreachable())
      return failed.promise
    },
    hang() {
      if (ms === undefined) failIn(silenceMs, 'silent', unreachable())
      return failed.promise
    },
    miss(isSilent) {
      failIn(isSilent ? silenceMs : latency(0), 'gone', unreachable())
    },
    end() {
      signal?.removeEventListener('abort', abort)
      for (const take of pending) take()
      const leave = (): void => {
        giveUp.abort(new Failure('stopped', 'STOPPED', 'the caller has gone'))
      }
      time.after(latency(0), `${what}: over`, leave, to)
      onEnd(talk)
    },
  }
  return talk
}

type Outcome<T> = { readonly answer: T } | { readonly error: unknown }

async function settled<T>(act: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { answer: await act() }
  } catch (error) {
    return { error }
  }
}

/** What goes over the line of an error. */
function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : internal('INTERNAL', String(error), {}, error)
}
