import type { Sql } from './open.ts'

/** Tells the database what all portals on it agree on; who started last is right. */
export async function agreeOn(
  sql: Sql,
  { undelete }: { readonly undelete: number },
): Promise<void> {
  await sql`update agreed set undelete = ${undelete}::float8 * interval '1 millisecond'`
}
