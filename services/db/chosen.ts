import { join } from 'node:path'
import { startEmbedded } from './embedded.ts'
import { openDatabase, type Sql } from './open.ts'

/** Whoever looks there finds the archive's chunks, and the portal's images. */
export const archivePath = 'archive, public'

/** A portal's database: as it is, and with the archive's tables in place of the portal's own of the same names. */
export interface Database {
  readonly sql: Sql
  readonly archive: Sql
}

/** The database that is given, or the one in the data folder. */
export async function databaseOf(
  { database: url, data }: { readonly database: string | undefined; readonly data: string },
  { newUuid }: { readonly newUuid: () => string },
  stack: AsyncDisposableStack,
): Promise<Database> {
  const embedded =
    url === undefined
      ? stack.use(
          await startEmbedded({ dir: join(data, 'postgres'), password: newUuid(), durable: true }),
        )
      : undefined
  const address = embedded?.url ?? url ?? ''
  const database = { sql: openDatabase(address), archive: openDatabase(address, archivePath) }
  stack.defer(() => database.sql.end({ timeout: 5 }))
  stack.defer(() => database.archive.end({ timeout: 5 }))
  return database
}
