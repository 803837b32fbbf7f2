import type { Sql } from './open.ts'

/** Tells the database what all portals on it agree on; who started last is right. */
export async function agreeOn(
  sql: Sql,
  { undelete }: { readonly undelete: number },
): Promise<void> {
  await sql`update agreed set undelete = ${undelete}::float8 * interval '1 millisecond'`
}

/** Notes which authority there is, if none was noted or it is to be replaced; answers the one that is. */
export async function agreeOnAuthority(sql: Sql, pin: Buffer, replace: boolean): Promise<Buffer> {
  await sql`
    update agreed set authority_pin = ${pin} where authority_pin is null or ${replace}`
  const [row] = await sql<{ authorityPin: Buffer }[]>`select authority_pin from agreed`
  return row?.authorityPin ?? pin
}
