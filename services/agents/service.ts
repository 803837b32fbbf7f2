import { sleep } from '../../lib/chunks/clock.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { type Failure, invalid, missing, unavailable } from '../../lib/failure.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  WatchDesiredStateResponse,
  type AgentServiceService,
} from '../../proto/gen/merge/image/v1/agent.ts'
import { announce, type Changes } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { getFacility } from '../facilities/service.ts'
import type { Joining } from '../identity/joining.ts'
import { revokedSerials } from '../identity/issued.ts'
import { ticketFor, type Ticketing } from '../tickets/issue.ts'
import { desiredStates } from './desired.ts'
import { askEviction } from './eviction.ts'
import { keepReport, wantedManifest } from './queries.ts'

const gatherMs = 100

export function agentService(deps: {
  readonly sql: Sql
  readonly changes: Changes
  readonly tickets: Ticketing
}): Omit<Service<typeof AgentServiceService, [call: Call]>, keyof Joining> {
  const { sql, changes, tickets } = deps
  const desired = desiredStates(sql, {
    keys: () => tickets.keys.told(),
    revokedSerials: () => revokedSerials(sql, tickets.now()),
  })
  return {
    async *watchDesiredState({ facility }, { signal, closing }) {
      const over = AbortSignal.any([signal, closing])
      let sent: Uint8Array = new Uint8Array()
      while (!over.aborted) {
        // Listening begins before reading, so that no change falls between the two.
        const changed = changes.next(over)
        const state = await desired(facility)
        const bytes = WatchDesiredStateResponse.encode(state).finish()
        if (Buffer.compare(bytes, sent) !== 0) yield state
        sent = bytes
        await changed
        // What changes together is told together: an image that goes to many facilities, say.
        await sleep(gatherMs, over).catch(() => undefined)
      }
      throw unavailable('NOT_READY', 'The portal is stopping: connect again in a moment.')
    },

    async reportState(report) {
      if (new Set(report.replicas.map(({ image }) => image)).size < report.replicas.length) {
        throw invalid('INVALID_FIELD', 'A report names each image once.', { field: 'replicas' })
      }
      await sql.begin(async (tx) => {
        await getFacility(tx, report.facility)
        if (await keepReport(tx, report)) await announce(tx)
      })
      return {}
    },

    async getTicket({ facility, image }) {
      await getFacility(sql, facility)
      const manifest = await wantedManifest(sql, facility, image)
      if (manifest === undefined) throw notWanted(facility, image)
      const { ticket, expireTime } = await ticketFor(facility, manifest as Digest, tickets)
      return { ticket, expireTime }
    },

    async askEviction({ facility, images, validateOnly }) {
      demandNames(images)
      return sql.begin(async (tx) => {
        await getFacility(tx, facility)
        return { answers: await askEviction(tx, facility, images, validateOnly) }
      })
    },
  }
}

const mostNames = 1000

function demandNames(images: readonly string[]): void {
  const field = { field: 'images' }
  if (images.length === 0 || images.length > mostNames) {
    const text = `Ask about 1 to ${mostNames} images, and not about ${images.length}.`
    throw invalid('INVALID_FIELD', text, field)
  }
  if (new Set(images).size === images.length) return
  throw invalid('INVALID_FIELD', 'A question names each image once.', field)
}

/** Whether there is such an image is not told. */
function notWanted(facility: string, image: string): Failure {
  return missing(
    'NOT_FOUND',
    `${image} is not among the images that ${facility} should hold: "mrg-image push ${image} ${facility}" puts it there.`,
    { facility, image },
  )
}
