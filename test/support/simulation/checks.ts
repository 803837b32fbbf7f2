import type { DatabaseSync } from 'node:sqlite'
import type { Run } from '../../../lib/chunks/source.ts'
import type { Digest } from '../../../lib/content/digest.ts'
import { bytesFlaw, chunkRowsOf, fileOf, pathOf, runFlaw } from './chunkrows.ts'
import type { Host } from './host.ts'
import type { Portal } from './portal.ts'
import type { Running } from './running.ts'

/** What must be true of each agent after each step, whatever happened. */
export interface Checks {
  /** What is not, in words; undefined if all is as it should be. */
  step(): string | undefined
  /** What was sent to somebody else. */
  readonly sent: (host: Host, run: Run) => void
}

/** An agent as it was when it was looked at last. */
interface Looked {
  readonly running: Running
  /** Of all that was ever changed. */
  readonly counts: string
  /** Of what matters to chunks. */
  readonly signature: string
  readonly shown: readonly string[]
  readonly applied: bigint
}

export function checksOf(hosts: readonly Host[], portal: Portal): Checks {
  const looked = new Map<string, Looked>()
  /** Chunks that were right, in files that never change. */
  const right = new Set<string>()
  let wrong: string | undefined
  const look = (host: Host): string | undefined => {
    const { running, database, name } = host
    if (running === undefined || database.db === undefined) return undefined
    const known = looked.get(name)
    const last = known?.running === running ? known : undefined
    const next = lookAt(host, running, database.db)
    if (last?.counts === next.counts && last.applied === next.applied) return undefined
    looked.set(name, next)
    const isSame = last?.signature === next.signature
    const flaw = isSame ? undefined : chunkFlaw(host, database.db, next.shown, portal, right)
    return flaw ?? changeFlaw(name, next, last, portal)
  }
  return {
    step() {
      for (const host of hosts) {
        const flaw = wrong ?? look(host)
        if (flaw !== undefined) return `${host.name}: ${flaw}`
      }
      return undefined
    },
    sent(host, run) {
      if (host.disk.rotten > 0) return
      const flaw = runFlaw(run)
      if (flaw !== undefined) wrong = `it sent ${flaw}`
    },
  }
}

const signatureSql = `SELECT (SELECT count(*) FROM chunk) AS chunks, (SELECT count(*) FROM pack) AS packs,
  (SELECT max(id) FROM pack) AS last, (SELECT group_concat(name) FROM image) AS images,
  (SELECT count(*) FROM damage) AS damaged`

function lookAt({ disk }: Host, running: Running, db: DatabaseSync): Looked {
  const { count } = db.prepare('SELECT total_changes() AS count').get() ?? {}
  const counted = Object.values(db.prepare(signatureSql).get() ?? {})
  return {
    running,
    counts: [disk.changes, count].join(),
    signature: [disk.changes, ...counted].join(),
    shown: running.storage.images.present().map(({ name }) => name),
    applied: running.sync.state.applied,
  }
}

/** Rows name only packs that are there, whatever happens. */
function packFlaw(host: Host, db: DatabaseSync): string | undefined {
  for (const { key, size_bytes: size } of db.prepare('SELECT key, size_bytes FROM pack').all()) {
    const inode = fileOf(host, String(key))
    if (inode === undefined) return `a row names ${String(key)}, which is not there`
    if (inode.bytes.length !== size) return `${String(key)} has another size`
    if (!host.disk.isDurable(pathOf(host.name, String(key))))
      return `a row names ${String(key)}, which is not durable`
  }
  return undefined
}

/** A chunk has its digest, unless a bit of it was flipped; an image that is shown is whole. */
function chunkFlaw(
  host: Host,
  db: DatabaseSync,
  shown: readonly string[],
  portal: Portal,
  right: Set<string>,
): string | undefined {
  const flaw = packFlaw(host, db)
  if (flaw !== undefined) return flaw
  const here = new Set<Digest>()
  for (const row of chunkRowsOf(db)) {
    here.add(row.digest)
    const inode = fileOf(host, row.key)
    const place = `${host.name} ${inode?.number ?? ''} ${row.digest} ${row.offset}`
    if (inode === undefined || inode.isRotten || right.has(place)) continue
    const wrong = bytesFlaw(row, inode)
    if (wrong !== undefined) return `${row.key} has ${wrong}`
    right.add(place)
  }
  for (const name of shown) {
    const lacking = portal.builds.get(name)?.chunks.find(({ entry }) => !here.has(entry.digest))
    if (lacking !== undefined) return `${name} is shown, and ${lacking.entry.digest} is not here`
  }
  return undefined
}

function changeFlaw(
  host: string,
  next: Looked,
  last: Looked | undefined,
  portal: Portal,
): string | undefined {
  const gone = last?.shown.filter((one) => !next.shown.includes(one)) ?? []
  return letGoFlaw(host, next, gone, portal) ?? appliedFlaw(next, last?.applied ?? 0n)
}

/** Whoever lets go may not take what is wanted, nor what the portal did not allow. */
function letGoFlaw(
  host: string,
  { running }: Looked,
  gone: readonly string[],
  portal: Portal,
): string | undefined {
  const { desired } = running.sync.state
  for (const image of gone) {
    if (desired.images.some((wanted) => wanted.image?.name === image))
      return `${image} is wanted, and was let go`
    if (portal.facilities.get(host)?.allowed.has(image) !== true)
      return `${image} was let go, and the portal had not allowed it`
  }
  return undefined
}

/** A generation is carried out once it was heard of and all of it is here. */
function appliedFlaw({ running, applied, shown }: Looked, before: bigint): string | undefined {
  const { desired } = running.sync.state
  if (applied > desired.generation) return 'it is ahead of what it heard'
  if (applied === before || applied !== desired.generation) return undefined
  const lacking = desired.images.find(({ image }) => !shown.includes(image?.name ?? ''))
  return lacking && `generation ${applied} is carried out without ${lacking.image?.name ?? ''}`
}
