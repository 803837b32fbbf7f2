import postgres from 'postgres'

/** A database, or a transaction in it. */
export type Sql = postgres.Sql<{ bigint: bigint }>
export type Transaction = postgres.TransactionSql<{ bigint: bigint }>

/**
 * Opens a pool of connections; columns come in camelCase, int8 as bigint. With a search path, tables that are not named with their
 * schema are looked for there.
 */
export function openDatabase(url: string, searchPath?: string): Sql {
  return postgres(url, {
    max: 16,
    types: { bigint: postgres.BigInt },
    transform: { column: { from: postgres.toCamel } },
    onnotice: () => undefined,
    connection: {
      application_name: 'merge-image',
      ...(searchPath === undefined ? {} : { search_path: searchPath }),
    },
  })
}
