import { makeBell, type Bell } from '../../../lib/bell.ts'
import { chunkPlane } from '../../../lib/chunks/plane.ts'
import { chunkService } from '../../../lib/chunks/serve.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { missing } from '../../../lib/failure.ts'
import type { Service } from '../../../lib/rpc/service.ts'
import type { Call } from '../../../lib/rpc/serve.ts'
import { newKey, privateKeyOf } from '../../../lib/tickets/keys.ts'
import { longestMs, signTicket } from '../../../lib/tickets/ticket.ts'
import {
  AgentServiceService,
  EvictionVerdict,
  WatchDesiredStateResponse,
} from '../../../proto/gen/merge/image/v1/agent.ts'
import { DeltaServiceService } from '../../../proto/gen/merge/image/v1/delta.ts'
import { ImageServiceService } from '../../../proto/gen/merge/image/v1/image.ts'
import { IntegrityServiceService } from '../../../proto/gen/merge/image/v1/integrity.ts'
import { answerFor } from '../../../services/agents/eviction.ts'
import type { Build } from './builds.ts'
import { chunksAt, deltasAt, heldBy, manifestsAt } from './content.ts'
import { aliasOf } from './laid.ts'
import { decide, type Facility, facilityOf, presentIn } from './facility.ts'
import { handlersOf, type Server } from './network.ts'
import type { Timeline } from './timeline.ts'

/**
 * The control plane as agents see it, in memory: it decides by the portal's own rules about what is wanted and what may go. That the
 * real portal does so is the stories' to show; this one is there so that agents can be run a thousand times against whatever may
 * happen to them.
 */
export interface Portal {
  readonly server: Server
  readonly facilities: ReadonlyMap<string, Facility>
  readonly builds: ReadonlyMap<string, Build>
  add(build: Build): void
  /** Nobody is to use it any more; its bytes may go. */
  revoke(name: string, losesBytes: boolean): void
  /** Has a change of what facilities should hold take effect. */
  settle(): void
  build(digest: Digest): Build | undefined
  /** Whether it has the chunk. */
  readonly has: (digest: Digest) => boolean
  /** What is usable, the newest first. */
  usable(): readonly Build[]
}

/** Hears of the chunks that a facility asks the portal for. */
export type OnAsked = (facility: string, digests: Uint8Array) => void

const settledMs = 10 * 60_000
const lapseMs = 90_000
const key = newKey('K1', new Date(0))

export function portalOf(
  names: readonly string[],
  time: Timeline,
  now: () => Date,
  onAsked: OnAsked,
): Portal {
  const builds = new Map<string, Build>()
  const revoked = new Set<string>()
  const gone = new Set<string>()
  const life = { name: 'portal', isOver: false }
  const bell = makeBell({ sleep: time.sleep(life) })
  const facilities = new Map(names.map((name) => [name, facilityOf(name)]))
  const portal: Portal = {
    facilities,
    builds,
    add(build) {
      builds.set(build.name, build)
      portal.settle()
    },
    revoke(name, losesBytes) {
      revoked.add(name)
      if (losesBytes) gone.add(name)
      for (const { pushed } of facilities.values()) pushed.delete(name)
      portal.settle()
    },
    settle() {
      for (const facility of facilities.values()) decide(facility, portal.usable())
      bell.ring()
    },
    build: (digest) => [...builds.values()].find((build) => build.digest === digest),
    has: (digest) => heldBy(all).has(digest),
    usable: () => [...builds.values()].filter(({ name }) => !revoked.has(name)).toReversed(),
    server: {
      name: 'portal',
      life,
      isCutFrom: () => false,
      handlers: new Map(),
    },
  }
  const all = { portal, gone, bell, time, now }
  const chunks = chunkService(chunksAt(all))
  portal.server.handlers = new Map([
    ...handlersOf(AgentServiceService, agents(all)),
    ...handlersOf(chunkPlane, {
      ...chunks,
      fetchChunks(request, call) {
        onAsked(call.caller.name, request.digests)
        return chunks.fetchChunks(request, call)
      },
    }),
    ...handlersOf(ImageServiceService, manifestsAt(all)),
    ...handlersOf(DeltaServiceService, deltasAt(all)),
    ...handlersOf(IntegrityServiceService, {
      checkChunks: () => Promise.reject(missing('CHUNK_NOT_FOUND', 'it looks another time')),
    }),
  ])
  return portal
}

interface Parts {
  readonly portal: Portal
  /** Images whose bytes are here no more. */
  readonly gone: ReadonlySet<string>
  readonly bell: Bell
  readonly time: Timeline
  readonly now: () => Date
}

function facilityNamed({ portal }: Parts, name: string): Facility {
  const found = portal.facilities.get(name)
  if (found !== undefined) return found
  throw missing('FACILITY_NOT_FOUND', `there is no ${name}`)
}

function agents(parts: Parts): Partial<Service<typeof AgentServiceService, [call: Call]>> {
  const { portal, gone, bell, time, now } = parts
  return {
    async *watchDesiredState({ facility }, { signal }) {
      for (let said = ''; ;) {
        if (signal.aborted) return
        const changed = bell.next(3_600_000, signal)
        const state = desiredOf(facilityNamed(parts, facility), parts)
        const text = JSON.stringify(WatchDesiredStateResponse.toJSON(state))
        if (text !== said) yield state
        said = text
        await changed
      }
    },
    async reportState(request) {
      await Promise.resolve()
      const facility = facilityNamed(parts, request.facility)
      for (const [image, at] of facility.allowed)
        if (time.now() - at >= settledMs) facility.allowed.delete(image)
      const before = facility.report === undefined ? '' : presentIn(facility.report).join()
      facility.report = { at: time.now(), request }
      if (presentIn(facility.report).join() !== before) bell.ring()
      return {}
    },
    async getTicket({ facility, image }) {
      await Promise.resolve()
      const build = portal.builds.get(image)
      if (build === undefined || !facilityNamed(parts, facility).wanted.includes(image))
        throw missing('NOT_FOUND', `${facility} should not hold ${image}`)
      const expires = new Date(now().getTime() + longestMs)
      const said = { facility, manifest: build.digest, notBefore: now(), expires }
      const ticket = signTicket(said, { id: key.id, privateKey: privateKeyOf(key) })
      return { ticket, expireTime: expires }
    },
    async askEviction({ facility: name, images: names, validateOnly }) {
      await Promise.resolve()
      const facility = facilityNamed(parts, name)
      const answers = names.map((image) => {
        const found = {
          ...{ name: image, wanted: facility.wanted.includes(image), own: false, held: false },
          ...{ expired: gone.has(image), atPortal: !gone.has(image), copies: 0 },
        }
        return answerFor(image, portal.builds.has(image) ? found : undefined)
      })
      for (const { image, verdict } of validateOnly ? [] : answers) {
        const mayGo = verdict === EvictionVerdict.EVICTION_VERDICT_MAY_GO
        if (mayGo) facility.allowed.set(image, time.now())
      }
      return { answers }
    },
  }
}

function desiredOf(facility: Facility, { portal, time }: Parts): WatchDesiredStateResponse {
  const others = [...portal.facilities.values()].filter(
    ({ name, report }) =>
      name !== facility.name && report !== undefined && time.now() - report.at < lapseMs,
  )
  const hasIt = ({ report, allowed }: Facility, image: string): boolean =>
    report !== undefined && presentIn(report).includes(image) && !allowed.has(image)
  const newest = new Map(
    portal
      .usable()
      .toReversed()
      .map((build) => [build.line, build]),
  )
  return WatchDesiredStateResponse.create({
    generation: facility.generation,
    images: facility.wanted.map((name) => ({
      image: portal.builds.get(name)?.image,
      holders: others.filter((other) => hasIt(other, name)).map((other) => other.name),
      fetchers: others
        .filter((other) => other.wanted.includes(name) && !hasIt(other, name))
        .map((other) => other.name),
      priority: 0,
      terms: facility.pushed.has(name) ? [] : [...facility.terms],
    })),
    aliases: [...newest]
      .filter(([, { name }]) => facility.wanted.includes(name))
      .map(([line, { name }]) => ({ name: aliasOf(line), image: name })),
    peers: others.map(({ name }) => ({ facility: name, address: name })),
    ticketKeys: [{ id: key.id, publicKey: Buffer.from(key.publicKey) }],
  })
}
