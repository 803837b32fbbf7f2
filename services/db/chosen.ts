import { join } from 'node:path'
import { startEmbedded } from './embedded.ts'
import { openDatabase, type Sql } from './open.ts'

/** The database that is given, or the one in the data folder. */
export async function databaseOf(
  { database: url, data }: { readonly database: string | undefined; readonly data: string },
  { newUuid }: { readonly newUuid: () => string },
  stack: AsyncDisposableStack,
): Promise<Sql> {
  const embedded =
    url === undefined
      ? stack.use(
          await startEmbedded({ dir: join(data, 'postgres'), password: newUuid(), durable: true }),
        )
      : undefined
  const sql = openDatabase(embedded?.url ?? url ?? '')
  stack.defer(() => sql.end({ timeout: 5 }))
  return sql
}
