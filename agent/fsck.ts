import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { openDirectory } from '../lib/chunks/directory.ts'
import { codecNumber } from '../lib/chunks/entry.ts'
import { type Digest, joinDigests, parseDigest } from '../lib/content/digest.ts'
import { missing } from '../lib/failure.ts'
import { fsck, type FsckReport } from '../lib/fsck/fsck.ts'
import { type FsckWorld, fsckSettings } from '../lib/fsck/run.ts'
import type { NamedManifest, Side } from '../lib/fsck/side.ts'
import { ownFolder } from '../lib/ownership.ts'
import type { Values } from '../lib/settings.ts'
import { startPool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import { collectableIn } from './collectable.ts'
import { damageIn } from './damage.ts'
import { openAgentDatabase } from './database.ts'
import { type ImageTable, imagesIn } from './images.ts'
import { needsIn } from './needs.ts'
import { placesIn } from './places.ts'
import { agentSettings } from './settings.ts'

/** What `merge-image agent fsck` can be told. */
export const agentFsckSettings = {
  data: { ...agentSettings.data, about: 'where the agent keeps its chunks' },
  ...fsckSettings,
}

/** Checks an agent that does not run. */
export async function fsckAgent(
  settings: Values<typeof agentFsckSettings>,
  { now, threads, tell }: FsckWorld,
  signal: AbortSignal,
): Promise<FsckReport> {
  const { data } = settings
  await demandAgent(data)
  await using stack = new AsyncDisposableStack()
  stack.use(ownFolder(data))
  const db = openAgentDatabase(data)
  stack.defer(() => {
    db.close()
  })
  const startedAt = now().getTime()
  const path = join(data, 'chunks')
  const blobs = stack.use(await openDirectory({ path, startedAt, now: startedAt }))
  const pool = stack.use(startPool(threads))
  const side = {
    blobs,
    places: placesIn(db),
    collectable: collectableIn(db, () => 0),
    damage: damageIn(db),
    verify: verifier(pool),
    ...sideOf(db, imagesIn(db)),
  }
  return await fsck(side, settings, tell, signal)
}

/** A wrong folder would be made, with an empty database in it. */
async function demandAgent(data: string): Promise<void> {
  if ((await stat(join(data, 'agent.db')).catch(() => undefined)) !== undefined) return
  throw missing(
    'NOT_PRESENT',
    `There is no agent.db in ${data}: give the agent's folder with --data; an agent that has lost it makes it anew from its packs when it starts.`,
    { path: data },
  )
}

/** What a check of an agent asks its database, beside what the index answers. */
function sideOf(
  db: DatabaseSync,
  images: ImageTable,
): Pick<Side, 'manifests' | 'correct' | 'unguarded' | 'guard' | 'forget'> {
  const needs = needsIn(db)
  return {
    manifests: () => manifests(images),
    async correct(pack, entries) {
      await Promise.resolve()
      const correct = db.prepare(
        `UPDATE chunk SET offset = ?, stored_bytes = ?, raw_bytes = ?, codec = ?
        WHERE digest = ? AND pack = (SELECT id FROM pack WHERE key = ?)`,
      )
      for (const { digest, offset, storedBytes, rawBytes, codec } of entries) {
        correct.run(offset, storedBytes, rawBytes, codecNumber(codec), joinDigests([digest]), pack)
      }
    },
    async unguarded(manifest, chunks) {
      await Promise.resolve()
      const lacking = db
        .prepare(
          `SELECT count(*) AS count FROM json_each(?) AS asked WHERE NOT EXISTS (
            SELECT 1 FROM need JOIN holder ON holder.id = need.holder
            WHERE need.digest = unhex(asked.value) AND holder.digest = ?)`,
        )
        .get(JSON.stringify(chunks), manifest)
      return Number(lacking?.['count'])
    },
    guard: (manifest, chunks) => needs.add(manifest, chunks),
    async forget({ digest, images: names }) {
      await Promise.resolve()
      db.prepare('DELETE FROM manifest WHERE digest = ?').run(digest)
      for (const name of names) db.prepare('DELETE FROM image WHERE name = ?').run(name)
    },
  }
}

async function* manifests(images: ImageTable): AsyncGenerator<NamedManifest> {
  const named = new Map<Digest, string[]>()
  for (const { name, digest: text } of images.present()) {
    const digest = parseDigest(text)
    named.set(digest, [...(named.get(digest) ?? []), name])
  }
  await Promise.resolve()
  for (const [digest, names] of named) {
    const bytes = images.manifest(digest) ?? missing('NOT_PRESENT', 'it is not in the database')
    yield { digest, images: names, bytes }
  }
}
