import type { Fate, Verdict } from '../../lib/sources/judge.ts'
import {
  ItemFate,
  ScanState,
  type Scan,
  type Source,
  type SourceItem,
} from '../../proto/gen/merge/image/v1/source.ts'
import { partRow, renderParts } from './parts.ts'
import type { SourceRow } from './queries.ts'
import type { ScanRow, ScanStateName } from './scans.ts'

export function renderSource(row: SourceRow, last: ScanRow | undefined): Source {
  const { name, version, text, kind, line, creator, createTime, cron, failures, paused } = row
  return {
    ...{ name, version, text, kind, line, creator, createTime, cron, failures, paused },
    timeZone: row.zone,
    nextTime: row.nextTime ?? undefined,
    deleteTime: row.deleteTime ?? undefined,
    etag: String(row.revision),
    lastScan: last && renderScan(last),
  }
}

const states: Readonly<Record<ScanStateName, ScanState>> = {
  queued: ScanState.SCAN_STATE_QUEUED,
  running: ScanState.SCAN_STATE_RUNNING,
  done: ScanState.SCAN_STATE_DONE,
  failed: ScanState.SCAN_STATE_FAILED,
}

export function renderScan(row: ScanRow): Scan {
  const { name, source, state, preview, requester, agent, createTime, message, builds } = row
  return {
    ...{ name, source, preview, requester, agent, createTime, message },
    state: states[state],
    endTime: row.endTime ?? undefined,
    items: row.itemCount,
    builds: [...builds],
  }
}

const fates: Readonly<Record<Fate, ItemFate>> = {
  refused: ItemFate.ITEM_FATE_REFUSED,
  unfit: ItemFate.ITEM_FATE_UNFIT,
  part: ItemFate.ITEM_FATE_PART,
  incomplete: ItemFate.ITEM_FATE_INCOMPLETE,
  'no-line': ItemFate.ITEM_FATE_NO_LINE,
  older: ItemFate.ITEM_FATE_OLDER,
  imported: ItemFate.ITEM_FATE_IMPORTED,
  'under-way': ItemFate.ITEM_FATE_UNDER_WAY,
  wanted: ItemFate.ITEM_FATE_WANTED,
}

export function renderItem(verdict: Verdict): SourceItem {
  const { item, parts, fate, reason, target, day, image, build } = verdict
  const { name, version, sha256 = '', sizeBytes = 0n, time, fields, refused = '' } = item
  return {
    ...{ name, version, sha256, sizeBytes, time, fields: { ...fields }, refused },
    ...{ fate: fates[fate], reason, target, day, image, build },
    parts: renderParts(parts.map(partRow)),
  }
}
