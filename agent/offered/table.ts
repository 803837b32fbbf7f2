import type { DatabaseSync } from 'node:sqlite'
import type { FormTable } from '../../lib/offered/offering.ts'
import type { Forms } from '../../lib/offered/offer.ts'

/** What is known of the forms in which images are offered. */
export const offeredSchema = `
  CREATE TABLE IF NOT EXISTS offered (
    image TEXT PRIMARY KEY,
    forms TEXT NOT NULL,
    pieces BLOB NOT NULL
  ) STRICT;
`

/** SQLite answers at once; the portal's table does not. */
/* eslint-disable @typescript-eslint/require-await -- see above */
export function offeredIn(db: DatabaseSync): FormTable {
  return {
    async all() {
      const rows = db.prepare('SELECT image, forms FROM offered').all()
      return new Map(
        rows.map(({ image, forms }) => [String(image), JSON.parse(String(forms)) as Forms]),
      )
    },
    async pieces(image) {
      const row = db.prepare('SELECT pieces FROM offered WHERE image = ?').get(image)
      return row === undefined ? undefined : Buffer.from(row['pieces'] as Uint8Array)
    },
    async keep(image, { forms, pieces }) {
      db.prepare('INSERT OR REPLACE INTO offered (image, forms, pieces) VALUES (?, ?, ?)').run(
        ...[image, JSON.stringify(forms), pieces],
      )
    },
    async forget(images) {
      const forgetting = db.prepare('DELETE FROM offered WHERE image = ?')
      for (const image of images) forgetting.run(image)
    },
  }
}
