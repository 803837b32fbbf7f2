import { invalid } from '../../lib/failure.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  EventFilter,
  EventOutcome,
  type AuditServiceService,
} from '../../proto/gen/merge/image/v1/audit.ts'
import type { EventNews } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { cutPage, parsePage } from '../pages.ts'
import { chainAll } from './chaining.ts'
import { eventsBetween, listEvents, readHead, type Wanted } from './queries.ts'
import { renderEvent } from './render.ts'
import { resourceText } from './resources.ts'
import { parseHash, verifyChain } from './verifying.ts'

/** How many events go out in one message: with long requests they stay under what a client takes. */
const atOnce = 100

export function auditService(deps: {
  readonly sql: Sql
  readonly news: EventNews
}): Service<typeof AuditServiceService, [call: Call]> {
  const { sql, news } = deps
  return {
    async listEvents(request) {
      const wanted = parseFilter(request.filter)
      const page = parsePage(request, wanted)
      if (page.after === '') await chainAll(sql)
      const found = await listEvents(sql, wanted, page)
      const { rows, nextPageToken } = cutPage(
        found,
        page,
        ({ sequence }) => String(sequence),
        wanted,
      )
      return { events: rows.map(renderEvent), nextPageToken }
    },

    async *watchEvents({ filter, afterSequence }, { signal, closing }) {
      const wanted = parseFilter(filter)
      const over = AbortSignal.any([signal, closing])
      let after = demandPlace(afterSequence)
      for (let isFirst = true; !over.aborted; isFirst = false) {
        // Listening begins before looking, so that no event falls between the two.
        const next = news.next(over)
        const { newest } = await readHead(sql)
        let events
        do {
          events = await eventsBetween(sql, wanted, { after, upTo: newest, most: atOnce })
          const isAll = events.length < atOnce
          after = isAll && newest > after ? newest : (events.at(-1)?.sequence ?? after)
          if (events.length > 0 || isFirst) {
            yield { events: events.map(renderEvent), upToSequence: after }
          }
        } while (events.length === atOnce)
        await next
      }
    },

    async verifyEvents({ afterSequence, hash }, { signal }) {
      const noted = parseHash(hash)
      const after = demandPlace(afterSequence)
      if (noted !== undefined && after === 0n) {
        throw wrong('after_sequence', 'A hash is noted of an event: say of which, from 1 on.')
      }
      await chainAll(sql)
      const { first, last, wrong: message } = await verifyChain(sql, { after, noted }, signal)
      return {
        whole: message === undefined,
        firstSequence: first,
        lastSequence: last.sequence,
        lastHash: last.sequence === 0n ? '' : last.hash.toString('hex'),
        brokenSequence: message === undefined ? 0n : last.sequence + 1n,
        message: message ?? '',
      }
    },
  }
}

const outcomes: ReadonlyMap<number, Wanted['outcome']> = new Map([
  [EventOutcome.EVENT_OUTCOME_UNSPECIFIED, ''],
  [EventOutcome.EVENT_OUTCOME_DONE, 'done'],
  [EventOutcome.EVENT_OUTCOME_DENIED, 'denied'],
])

function parseFilter(filter: EventFilter = EventFilter.create()): Wanted {
  const { facility, actor, method, resource, since, until } = filter
  if (resource !== undefined && (resource.kind === '' || resource.name === '')) {
    throw wrong('resource', 'A resource has a kind and a name: image and its exact name, say.')
  }
  const outcome = outcomes.get(filter.outcome)
  if (outcome === undefined) throw wrong('outcome', 'outcome is done or denied, or left out.')
  return {
    ...{ facility, actor, method, outcome, since, until },
    resource: resource === undefined ? '' : resourceText(resource),
  }
}

const mostSequence = 2n ** 63n - 2n

function demandPlace(sequence: bigint): bigint {
  if (sequence <= mostSequence) return sequence
  throw wrong('after_sequence', 'after_sequence is larger than any event has.')
}

function wrong(field: string, message: string) {
  return invalid('INVALID_FIELD', message, { field })
}
