import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded, type Embedded } from '../../services/db/embedded.ts'
import { migrate } from '../../services/db/migrate.ts'
import { openDatabase } from '../../services/db/open.ts'

declare global {
  var embeddedPostgres: Embedded | undefined
}

/** One PostgreSQL for all tests, with a migrated database to copy. */
export default async function setup(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'merge-image-postgres-'))
  // As root, PostgreSQL runs as nobody, who has to get in.
  chmodSync(dir, 0o755)
  const embedded = await startEmbedded({
    dir: join(dir, 'data'),
    password: 'test',
    durable: false,
  })
  globalThis.embeddedPostgres = embedded
  process.env['TEST_POSTGRES'] = embedded.url
  process.env['TEST_POSTGRES_DIR'] = dir
  const admin = openDatabase(embedded.url)
  await admin`create database template`
  await admin.end()
  const template = openDatabase(new URL('/template', embedded.url).href)
  await migrate(template)
  await template.end()
}
