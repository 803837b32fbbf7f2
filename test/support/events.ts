import { EventFilter, type Event } from '../../proto/gen/merge/image/v1/audit.ts'
import type { Clients } from './portal.ts'

/** Every event of the audit log that the filter wants, the newest first. */
export async function everyEvent(
  { audit }: Clients,
  filter: Partial<EventFilter> = {},
): Promise<readonly Event[]> {
  const events: Event[] = []
  let pageToken = ''
  do {
    const request = { filter: EventFilter.create(filter), pageSize: 100, pageToken }
    const page = await audit.listEvents(request)
    events.push(...page.events)
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  return events
}
