import { randomUUID } from 'node:crypto'
import {
  ItemFate,
  ReportScanRequest,
  ScanState,
  SourceItem,
  type Scan,
  type Source,
} from '../../proto/gen/merge/image/v1/source.ts'
import type { Build } from '../../proto/gen/merge/image/v1/build.ts'
import type { Clients } from './portal.ts'

/** A source that looks below a folder, with some fields otherwise. */
export function sourceText(fields: Readonly<Record<string, string>> = {}): string {
  const all = {
    place: '{kind: directory, path: /srv/images}',
    match: '"{release}/{arch}/disk-{date}.img"',
    line: 'ubuntu-{release}-std-{arch}',
    ...fields,
  }
  return Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([field, value]) => `${field}: ${value}\n`)
    .join('')
}

export async function putSource({ sources }: Clients, name: string, text: string): Promise<Source> {
  const request = { requestId: randomUUID(), name, text, etag: '', validateOnly: false }
  const { source } = await sources.putSource(request)
  if (source === undefined) throw new Error('no source came back')
  return source
}

export async function getSource({ sources }: Clients, name: string): Promise<Source> {
  const { source } = await sources.getSource({ name })
  if (source === undefined) throw new Error('no source came back')
  return source
}

/** Has a source scanned, and does not wait. */
export async function askScan(
  { sources }: Clients,
  source: string,
  preview = false,
): Promise<string> {
  const { scan } = await sources.scanSource({ requestId: randomUUID(), source, preview })
  return scan?.name ?? ''
}

/** Has a source scanned by an agent that is there, and answers how that ended. */
export async function scanned(clients: Clients, source: string, preview = false): Promise<Scan> {
  return ended(clients, await askScan(clients, source, preview))
}

export async function ended({ sources }: Clients, name: string): Promise<Scan> {
  for (;;) {
    const { scan } = await sources.getScan({ name, waitSeconds: 30 }, { deadlineMs: 60_000 })
    if (scan?.endTime !== undefined) return scan
  }
}

export function scanState({ state }: Scan): string {
  const known = Object.entries(ScanState).find(([, value]) => value === state)
  return (known?.[0] ?? '').replace('SCAN_STATE_', '').toLowerCase()
}

export async function itemsOf({ sources }: Clients, source: string): Promise<SourceItem[]> {
  const { items } = await sources.listSourceItems({ source, pageSize: 1000, pageToken: '' })
  return items
}

/** What becomes of each item, by its name. */
export async function fatesOf(clients: Clients, source: string): Promise<Record<string, string>> {
  const items = await itemsOf(clients, source)
  return Object.fromEntries(items.map((item) => [item.name, fateOf(item)]))
}

export function fateOf({ fate }: SourceItem): string {
  const known = Object.entries(ItemFate).find(([, value]) => value === fate)
  return (known?.[0] ?? '').replace('ITEM_FATE_', '').toLowerCase()
}

/** Queues the import of an item, or of all that a source wants. */
export async function importItem(
  { sources }: Clients,
  source: string,
  item: string,
  force = false,
): Promise<Build[]> {
  const request = { requestId: randomUUID(), source, item, force, reason: '' }
  return (await sources.importImage(request)).builds
}

/** An item as an agent tells of it. */
export function foundItem(name: string, more: Partial<SourceItem> = {}): SourceItem {
  return SourceItem.create({ name, version: 'v1', sizeBytes: 300_000n, ...more })
}

/** Claims a scan as an agent, waiting for one, and answers it. */
export async function answerScan(
  { sources }: Clients,
  facility: string,
  found: Partial<Pick<ReportScanRequest, 'items' | 'error' | 'note'>>,
): Promise<Scan | undefined> {
  const claim = randomUUID()
  await sources.claimScan({ facility, claim, waitSeconds: 20 }, { deadlineMs: 30_000 })
  const request = ReportScanRequest.create({ claim, last: true, ...found })
  return (await sources.reportScan(request)).scan
}
