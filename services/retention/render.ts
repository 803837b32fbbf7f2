import type { Holder } from '../../proto/gen/merge/image/v1/hold.ts'
import type {
  PlaceBytes,
  RetentionItem,
  RetentionRun,
} from '../../proto/gen/merge/image/v1/retention.ts'
import { holderKinds } from '../holds/render.ts'
import type { Places } from './bytes.ts'
import { actions, outcomes, states } from './codes.ts'
import type { HolderRow, ItemRow, RunRow } from './runs.ts'

export function renderRun(row: RunRow): RetentionRun {
  const { state, freedBytes, leftCount, archiveCount, expireCount, applyTime, endTime } = row
  const { id, etag, creator, planTime, pattern, keepCount, archivedBytes, totalBytes } = row
  return {
    ...{ id, etag, creator, planTime, pattern, keepCount, archiveCount, expireCount },
    ...{ archivedBytes, totalBytes, applier: row.applier, message: row.message },
    state: states[state],
    freedBytes: renderPlaces(freedBytes),
    doneCount: archiveCount + expireCount - leftCount,
    applyTime: applyTime ?? undefined,
    endTime: endTime ?? undefined,
  }
}

export function renderItem(row: ItemRow): RetentionItem {
  const { image, action, rule, message, policy, holders, ownBytes, dueTime } = row
  return {
    ...{ image, rule, message, policy, outcomeMessage: row.outcomeMessage },
    action: actions[action],
    holders: holders.map(renderHolder),
    ownBytes: renderPlaces(ownBytes),
    dueTime: dueTime ?? undefined,
    outcome: outcomes[row.outcome],
  }
}

function renderHolder({ kind, name, message, until }: HolderRow): Holder {
  const untilTime = until === undefined ? undefined : new Date(until)
  return { kind: holderKinds[kind], name, message, untilTime, hold: undefined }
}

/** The portal first, the archive next, then facilities. */
function renderPlaces(places: Places): PlaceBytes[] {
  const rank = (place: string) => (place === 'portal' ? 0 : place === 'archive' ? 1 : 2)
  return Object.entries(places)
    .toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([place, bytes]) => ({ place, bytes: BigInt(bytes) }))
}
