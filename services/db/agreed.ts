import type { Sql, Transaction } from './open.ts'

/** Tells the database what all portals on it agree on; who started last is right. */
export async function agreeOn(
  sql: Sql,
  { undelete }: { readonly undelete: number },
): Promise<void> {
  await sql`update agreed set undelete = ${undelete}::float8 * interval '1 millisecond'`
}

/** Which authority the portals on this database have, by its pin, if one was noted. */
export async function knownAuthority(sql: Sql | Transaction): Promise<Buffer | undefined> {
  const [row] = await sql<{ authorityPin: Buffer | null }[]>`select authority_pin from agreed`
  return row?.authorityPin ?? undefined
}

/**
 * Notes which authority there is, if none was noted or it is to be replaced; answers the one that is. With another go the tokens that were
 * made with its key: whoever has that key can make them too.
 */
export async function agreeOnAuthority(sql: Sql, pin: Buffer, replace: boolean): Promise<Buffer> {
  return sql.begin(async (tx) => {
    await tx`select from agreed for update`
    const known = await knownAuthority(tx)
    if (known !== undefined && (!replace || known.equals(pin))) return known
    await tx`update agreed set authority_pin = ${pin}`
    await tx`delete from robot`
    await tx`delete from join_token`
    await tx`update certificate set revoke_time = coalesce(revoke_time, now())`
    return pin
  })
}
