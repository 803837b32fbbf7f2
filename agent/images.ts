import type { DatabaseSync } from 'node:sqlite'
import type { Digest } from '../lib/content/digest.ts'
import { WatchDesiredStateResponse } from '../proto/gen/merge/image/v1/agent.ts'
import { Image } from '../proto/gen/merge/image/v1/image.ts'

/** An image that is here, and since when. */
export interface Arrival {
  readonly image: Image
  readonly arrived: Date
  /** Since when the portal does not want it here; undefined while it does, and until it has said so. */
  readonly unwanted: Date | undefined
}

/** What the agent remembers of images, over restarts and while the portal is away. */
export interface ImageTable {
  /** The images that are here, whole. */
  present(): Image[]
  /** Their names alone, for who asks every second. */
  names(): string[]
  arrivals(): Arrival[]
  find(name: string): Image | undefined
  /** From now on the image is shown: every chunk of it is durable. */
  show(image: Image): void
  /** From now on it is not: what nothing else needs of it can be collected. */
  forget(name: string): void
  manifest(digest: Digest): Uint8Array | undefined
  keepManifest(digest: Digest, bytes: Uint8Array): void
  /** What the portal said last that this facility should hold. */
  desired(): WatchDesiredStateResponse
  keepDesired(state: WatchDesiredStateResponse): void
  storedBytes(): bigint
  /** The names of the images that are here and need any of these chunks, in their order. */
  needing(chunks: readonly Digest[]): string[]
  /** The keys of all packs, those that were collected too. */
  packs(): Set<string>
}

const needingSql = `
  SELECT DISTINCT image.name FROM need JOIN holder ON holder.id = need.holder
  JOIN image ON image.digest = 'sha256:' || holder.digest
  WHERE need.digest IN (SELECT unhex(value) FROM json_each(?)) ORDER BY image.name`

/** What the table of images has, and that of before there was eviction has not. What is here came now, for all that is known. */
export const arrivalsUpgrade = `
  ALTER TABLE image ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE image ADD COLUMN unwanted INTEGER;
  UPDATE image SET arrived = now_ms();
`

const showSql = `
  INSERT INTO image (name, digest, image, arrived) VALUES (?, ?, ?, now_ms())
  ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, image = excluded.image`

const wantSql = `
  UPDATE image SET unwanted = CASE
    WHEN name IN (SELECT value FROM json_each(?)) THEN NULL
    ELSE coalesce(unwanted, now_ms()) END`

export function imagesIn(db: DatabaseSync): ImageTable {
  const one = (sql: string, ...values: (string | Uint8Array)[]) => db.prepare(sql).get(...values)
  const all = (sql: string) => db.prepare(sql).all()
  return {
    present: () => all('SELECT image FROM image ORDER BY name').map(({ image }) => decode(image)),
    names: () => all('SELECT name FROM image ORDER BY name').map(({ name }) => String(name)),
    arrivals: () =>
      all('SELECT image, arrived, unwanted FROM image ORDER BY name').map((row) => ({
        image: decode(row['image']),
        arrived: new Date(Number(row['arrived'])),
        unwanted: row['unwanted'] === null ? undefined : new Date(Number(row['unwanted'])),
      })),
    find: (name) => {
      const row = one('SELECT image FROM image WHERE name = ?', name)
      return row === undefined ? undefined : decode(row['image'])
    },
    show: (image) => {
      db.prepare(showSql).run(image.name, image.digest, Image.encode(image).finish())
    },
    forget: (name) => {
      db.prepare('DELETE FROM image WHERE name = ?').run(name)
    },
    manifest: (digest) =>
      one('SELECT bytes FROM manifest WHERE digest = ?', digest)?.['bytes'] as
        Uint8Array | undefined,
    keepManifest: (digest, bytes) => {
      db.prepare('INSERT OR IGNORE INTO manifest (digest, bytes) VALUES (?, ?)').run(digest, bytes)
    },
    desired: () => {
      const row = one('SELECT state FROM desired')
      return row === undefined
        ? WatchDesiredStateResponse.create()
        : WatchDesiredStateResponse.decode(row['state'] as Uint8Array)
    },
    keepDesired: (state) => {
      db.prepare('INSERT OR REPLACE INTO desired (only, state) VALUES (1, ?)').run(
        WatchDesiredStateResponse.encode(state).finish(),
      )
      const names = state.images.flatMap(({ image }) => image?.name ?? [])
      db.prepare(wantSql).run(JSON.stringify(names))
    },
    storedBytes: () =>
      BigInt(Number(one('SELECT coalesce(sum(size_bytes), 0) AS sum FROM pack')?.['sum'])),
    needing: (chunks) =>
      db
        .prepare(needingSql)
        .all(JSON.stringify(chunks))
        .map(({ name }) => String(name)),
    packs: () =>
      new Set(
        all('SELECT key FROM pack UNION ALL SELECT key FROM doomed_pack').map(({ key }) =>
          String(key),
        ),
      ),
  }
}

function decode(column: unknown): Image {
  return Image.decode(column as Uint8Array)
}
