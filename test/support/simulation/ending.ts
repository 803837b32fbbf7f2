import type { DatabaseSync } from 'node:sqlite'
import type { Digest } from '../../../lib/content/digest.ts'
import { bytesFlaw, type ChunkRow, chunkRowsOf, fileOf } from './chunkrows.ts'
import type { Host } from './host.ts'
import type { Facility } from './facility.ts'
import type { Portal } from './portal.ts'

/** What is not as it should be at a facility where nothing goes wrong any more; undefined if it holds what it should, and nothing else. */
export function endFlaw(host: Host, portal: Portal, isRestarted: boolean): string | undefined {
  const { running, database, name } = host
  const [{ db }, facility] = [database, portal.facilities.get(name)]
  if (running === undefined || db === undefined || facility === undefined) return 'it does not run'
  const shown = new Set(running.storage.images.present().map((image) => image.name))
  const rows = chunkRowsOf(db)
  return (
    behindFlaw(running.sync.state.applied, shown, facility) ??
    fileFlaw(host, db, isRestarted) ??
    rowFlaw(host, rows, db, portal) ??
    extraFlaw(rows, shown, portal)
  )
}

function behindFlaw(
  applied: bigint,
  shown: ReadonlySet<string>,
  { generation, wanted }: Facility,
): string | undefined {
  if (applied !== generation) return `it carried out ${applied}, and is to be at ${generation}`
  const lacking = wanted.find((name) => !shown.has(name))
  return lacking === undefined ? undefined : `it lacks ${lacking}`
}

/** A draft that could not be deleted when it should have been goes with the next start. */
function fileFlaw(
  { name, disk }: Host,
  db: DatabaseSync,
  isRestarted: boolean,
): string | undefined {
  const drafts = isRestarted ? disk.names(`/${name}/chunks/tmp`) : []
  if (drafts.length > 0) return `a temporary file is left: ${drafts.join()}`
  const rows = db.prepare('SELECT key FROM pack').all()
  const known = new Set(rows.map(({ key }) => String(key)))
  const stray = disk.names(`/${name}/chunks/packs`).find((one) => !known.has(`packs/${one}`))
  return stray === undefined ? undefined : `a pack of nobody is left: ${stray}`
}

function rowFlaw(
  host: Host,
  rows: readonly ChunkRow[],
  db: DatabaseSync,
  portal: Portal,
): string | undefined {
  for (const row of rows) {
    if (isLostForGood(row.digest, db, portal)) continue
    const inode = fileOf(host, row.key)
    const flaw = inode === undefined ? 'nothing there' : bytesFlaw(row, inode)
    if (flaw !== undefined) return `${row.key} has ${flaw}`
  }
  return undefined
}

/** What was found damaged, of an image whose bytes the portal has no more, stays as it is while the image stays. */
function isLostForGood(digest: Digest, db: DatabaseSync, portal: Portal): boolean {
  const damaged = db.prepare('SELECT 1 FROM damage WHERE digest = unhex(?)').get(digest)
  return damaged !== undefined && !portal.has(digest)
}

function extraFlaw(
  rows: readonly ChunkRow[],
  shown: ReadonlySet<string>,
  { builds }: Portal,
): string | undefined {
  const chunks = [...shown].flatMap((name) => builds.get(name)?.chunks ?? [])
  const needed = new Set(chunks.map(({ entry }) => entry.digest))
  const extra = rows.find(({ digest }) => !needed.has(digest))
  return extra && `${extra.digest} is kept, and nothing needs it`
}
