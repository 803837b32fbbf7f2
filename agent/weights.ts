import type { DatabaseSync } from 'node:sqlite'
import type { Digest } from '../lib/content/digest.ts'
import type { Weight, Weights } from './evict.ts'
import { partsOf } from './needs.ts'

const listed = `
  WITH listed AS MATERIALIZED (
    SELECT holder.id AS holder, json_extract(value, '$[1]') AS rank
    FROM json_each(?) JOIN holder ON holder.digest = json_extract(value, '$[0]')),
  freed AS MATERIALIZED (
    SELECT digest, stored_bytes AS bytes, (
      SELECT CASE WHEN count(*) = count(rank) THEN coalesce(max(rank), 0) END
      FROM need LEFT JOIN listed USING (holder) WHERE need.digest = chunk.digest) AS last
    FROM chunk WHERE digest > ? AND digest <= ?)`

/** For each place among those whose going frees a chunk, and the last of these: the bytes. */
const weighSql = `${listed}
  SELECT coalesce(rank, 0) AS rank, last, sum(bytes) AS bytes
  FROM freed LEFT JOIN need USING (digest) LEFT JOIN listed USING (holder)
  WHERE last IS NOT NULL GROUP BY 1, 2`

/**
 * What comes free if manifests go in the order of their ranks, from 1. `isKept` says of the others whether anything needs them; one
 * that nothing needs is on its way out as it is.
 */
export async function weigh(
  db: DatabaseSync,
  ranks: ReadonlyMap<Digest, number>,
  isKept: (manifest: Digest) => boolean,
): Promise<Weights> {
  const holders = db.prepare('SELECT digest FROM holder').all()
  const others = holders
    .map(({ digest }) => String(digest) as Digest)
    .filter((digest) => !ranks.has(digest) && !isKept(digest))
  const list = JSON.stringify([...ranks, ...others.map((digest, at) => [digest, -1 - at])])
  const sum = db.prepare(weighSql)
  let goingBytes = 0
  const weights = new Map<number, Weight>()
  for await (const { after, last: end } of partsOf(db, 'chunk')) {
    for (const row of sum.all(list, after, end)) {
      const [rank, last] = [Number(row['rank']), Number(row['last'])]
      const bytes = rank === last ? Number(row['bytes']) : 0
      if (last <= 0) goingBytes += bytes
      else weights.set(rank, added(weights.get(rank), { stepBytes: bytes, helpsFrom: last }))
    }
  }
  return { goingBytes, weights }
}

function added(before: Weight | undefined, more: Weight): Weight {
  if (before === undefined) return more
  return {
    stepBytes: before.stepBytes + more.stepBytes,
    helpsFrom: Math.min(before.helpsFrom, more.helpsFrom),
  }
}
