import type { Page } from '../pages.ts'
import type { Sql, Transaction } from '../db/open.ts'

export interface CertificateRow {
  readonly serial: string
  readonly name: string
  readonly facility: string
  readonly createTime: Date
  readonly expireTime: Date
  readonly revokeTime: Date | null
  readonly reason: string
}

const certificateColumns = (sql: Sql | Transaction) =>
  sql`serial, name, facility, create_time, expire_time, revoke_time, reason`

export async function insertCertificate(
  tx: Sql | Transaction,
  row: Pick<CertificateRow, 'serial' | 'name' | 'facility' | 'createTime' | 'expireTime'> & {
    /** The certificate that was shown for it. */
    readonly renews?: string
  },
): Promise<void> {
  await tx`
    insert into certificate (serial, name, facility, create_time, expire_time, renews)
    values (${row.serial}, ${row.name}, ${row.facility}, ${row.createTime}, ${row.expireTime}, ${row.renews ?? null})`
}

/** What ran out before this time is of no use to anybody any more. */
export async function forgetBefore(sql: Sql, time: Date): Promise<void> {
  await sql`delete from certificate where expire_time < ${time}`
  await sql`delete from join_token where expire_time < ${time}`
}

/** Those that count, and those that were revoked; after a key of a page, which is a serial number. */
export async function listCertificates(
  sql: Sql,
  page: Page,
  facility: string,
  now: Date,
): Promise<CertificateRow[]> {
  const before = sql`
    and (create_time, serial) < (select create_time, serial from certificate where serial = ${page.after})`
  return sql<CertificateRow[]>`
    select ${certificateColumns(sql)} from certificate
    where (expire_time > ${now} or revoke_time is not null)
      ${facility === '' ? sql`` : sql`and facility = ${facility}`}
      ${page.after === '' ? sql`` : before}
    order by create_time desc, serial desc limit ${page.size + 1}`
}

export async function findCertificate(
  tx: Transaction,
  serial: string,
): Promise<CertificateRow | undefined> {
  const [row] = await tx<CertificateRow[]>`
    select ${certificateColumns(tx)} from certificate where serial = ${serial}`
  return row
}

/** Who issues or revokes certificates of a facility does so one after another: nobody is renewed past a revocation. */
export async function lockCertificates(tx: Transaction, facility: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`certificates of ${facility}`}, 0))`
}

/** What is revoked by this and was not before; with a certificate, what was renewed from it. */
export async function revokeCertificates(
  tx: Transaction,
  which: { readonly serial: string } | { readonly facility: string },
  { reason, now }: { readonly reason: string; readonly now: Date },
): Promise<CertificateRow[]> {
  const these =
    'serial' in which
      ? tx`serial in (
          with recursive line as (
            select serial from certificate where serial = ${which.serial}
            union select c.serial from certificate c join line on c.renews = line.serial)
          select serial from line)`
      : tx`facility = ${which.facility}`
  return tx<CertificateRow[]>`
    update certificate set revoke_time = ${now}, reason = ${reason}
    where ${these} and revoke_time is null and expire_time > ${now}
    returning ${certificateColumns(tx)}`
}

/** The serial numbers that nobody may show. */
export async function revokedSerials(sql: Sql, now: Date): Promise<string[]> {
  const rows = await sql<{ serial: string }[]>`
    select serial from certificate
    where revoke_time is not null and expire_time > ${now} order by serial`
  return rows.map(({ serial }) => serial)
}
