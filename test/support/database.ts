import { openDatabase, type Sql } from '../../services/db/open.ts'

let made = 0

/**
 * A database of its own in the tests' PostgreSQL: a migrated one, an empty one of `template0`, or a copy of one that nobody is
 * connected to.
 */
export async function freshDatabase(
  template = 'template',
): Promise<AsyncDisposable & { readonly url: string; readonly sql: Sql }> {
  const server = process.env['TEST_POSTGRES']
  if (server === undefined) throw new Error('the tests have no PostgreSQL: see jest.config.mjs')
  const name = `test_${process.pid}_${made++}`
  const admin = openDatabase(server)
  await admin.unsafe(`create database ${name} template ${template}`)
  const url = new URL(`/${name}`, server).href
  const sql = openDatabase(url)
  return {
    url,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 })
      await admin.unsafe(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}
