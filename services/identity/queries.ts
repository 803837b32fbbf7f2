import type { Page } from '../pages.ts'
import type { Sql, Transaction } from '../db/open.ts'

export interface JoinTokenRow {
  readonly id: string
  readonly facility: string
  readonly expireTime: Date
}

export async function insertJoinToken(
  tx: Transaction,
  token: JoinTokenRow & { readonly secretHash: Buffer; readonly actor: string; readonly now: Date },
): Promise<void> {
  await tx`
    insert into join_token (id, secret_hash, facility, actor, create_time, expire_time)
    values (${token.id}, ${token.secretHash}, ${token.facility}, ${token.actor}, ${token.now}, ${token.expireTime})`
}

export async function findJoinToken(
  sql: Sql,
  secretHash: Buffer,
): Promise<JoinTokenRow | undefined> {
  const [row] = await sql<JoinTokenRow[]>`
    select id, facility, expire_time from join_token where secret_hash = ${secretHash}`
  return row
}

/** Whether the token was free until now: of many who come at once, one hears yes. */
export async function useJoinToken(tx: Transaction, id: string, now: Date): Promise<boolean> {
  const used = await tx`
    update join_token set use_time = ${now}
    where id = ${id} and use_time is null and expire_time > ${now}`
  return used.count === 1
}

export interface RobotRow {
  readonly name: string
  readonly role: string
  readonly tokenId: string
  readonly actor: string
  readonly createTime: Date
  readonly tokenTime: Date
  readonly expireTime: Date
}

const robotColumns = (sql: Sql | Transaction) =>
  sql`name, role, token_id, actor, create_time, token_time, expire_time`

export async function insertRobot(
  tx: Transaction,
  robot: RobotRow & { readonly secretHash: Buffer },
): Promise<boolean> {
  const { name, role, tokenId, actor, createTime, tokenTime, expireTime, secretHash } = robot
  const made = await tx`
    insert into robot (name, role, token_id, secret_hash, actor, create_time, token_time, expire_time)
    values (${name}, ${role}, ${tokenId}, ${secretHash}, ${actor}, ${createTime}, ${tokenTime}, ${expireTime})
    on conflict do nothing`
  return made.count === 1
}

/** The same, in place of the one that had the name. */
export async function putRobot(
  sql: Sql,
  robot: RobotRow & { readonly secretHash: Buffer },
): Promise<void> {
  await sql.begin(async (tx) => {
    await deleteRobot(tx, robot.name)
    await insertRobot(tx, robot)
  })
}

/** Whether anybody can come in as an admin at this time; by a role that was given, where there is an identity provider. */
export async function hasAdmin(sql: Sql, now: Date, byGrant: boolean): Promise<boolean> {
  const [row] = await sql<{ has: boolean }[]>`
    select exists (select from robot where role = 'admin' and expire_time > ${now})
      or (${byGrant} and exists (select from role_grant where role = 'admin')) as has`
  return row?.has === true
}

export async function lockRobot(tx: Transaction, name: string): Promise<RobotRow | undefined> {
  const [row] = await tx<RobotRow[]>`
    select ${robotColumns(tx)} from robot where name = ${name} for update`
  return row
}

export async function rotateRobot(
  tx: Transaction,
  { name, tokenId, tokenTime, expireTime }: RobotRow,
  secretHash: Buffer,
): Promise<void> {
  await tx`
    update robot set token_id = ${tokenId}, secret_hash = ${secretHash},
      token_time = ${tokenTime}, expire_time = ${expireTime}
    where name = ${name}`
}

export async function deleteRobot(tx: Transaction, name: string): Promise<void> {
  await tx`delete from robot where name = ${name}`
}

/** All robots, or those with one role. */
export async function listRobots(
  sql: Sql,
  page: Page,
  role: string | undefined,
): Promise<RobotRow[]> {
  return sql<RobotRow[]>`
    select ${robotColumns(sql)} from robot
    where name > ${page.after} ${role === undefined ? sql`` : sql`and role = ${role}`}
    order by name limit ${page.size + 1}`
}

export interface GrantRow {
  readonly claim: string
  readonly value: string
  readonly role: string
  readonly actor: string
  readonly createTime: Date
}

type GrantKey = Pick<GrantRow, 'claim' | 'value' | 'role'>

/** The grant as it stands, whoever gave it first. */
export async function putGrant(tx: Transaction, grant: GrantRow): Promise<GrantRow> {
  const { claim, value, role, actor, createTime } = grant
  await tx`
    insert into role_grant (claim, value, role, actor, create_time)
    values (${claim}, ${value}, ${role}, ${actor}, ${createTime})
    on conflict do nothing`
  const [row] = await tx<GrantRow[]>`
    select claim, value, role, actor, create_time from role_grant
    where claim = ${claim} and value = ${value} and role = ${role}`
  return row ?? grant
}

export async function deleteGrant(
  tx: Transaction,
  { claim, value, role }: GrantKey,
): Promise<boolean> {
  const gone = await tx`
    delete from role_grant where claim = ${claim} and value = ${value} and role = ${role}`
  return gone.count === 1
}

/** After a key of a page: claim, value and role as JSON. */
export async function listGrants(sql: Sql, page: Page): Promise<GrantRow[]> {
  const [claim, value, role] =
    page.after === '' ? ['', '', ''] : (JSON.parse(page.after) as string[])
  return sql<GrantRow[]>`
    select claim, value, role, actor, create_time from role_grant
    where (claim, value, role) > (${claim ?? ''}, ${value ?? ''}, ${role ?? ''})
    order by claim, value, role limit ${page.size + 1}`
}

export interface CertificateRow {
  readonly serial: string
  readonly name: string
  readonly createTime: Date
  readonly expireTime: Date
  readonly revokeTime: Date | null
  readonly reason: string
}

const certificateColumns = (sql: Sql | Transaction) =>
  sql`serial, name, create_time, expire_time, revoke_time, reason`

export async function insertCertificate(
  tx: Sql | Transaction,
  row: Pick<CertificateRow, 'serial' | 'name' | 'createTime' | 'expireTime'> & {
    readonly facility: string
  },
): Promise<void> {
  await tx`
    insert into certificate (serial, name, facility, create_time, expire_time)
    values (${row.serial}, ${row.name}, ${row.facility}, ${row.createTime}, ${row.expireTime})`
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

/** What is revoked by this and was not before. */
export async function revokeCertificates(
  tx: Transaction,
  which: { readonly serial: string } | { readonly facility: string },
  { reason, now }: { readonly reason: string; readonly now: Date },
): Promise<CertificateRow[]> {
  const these = 'serial' in which ? tx`serial = ${which.serial}` : tx`facility = ${which.facility}`
  return tx<CertificateRow[]>`
    update certificate set revoke_time = ${now}, reason = ${reason}
    where ${these} and revoke_time is null and expire_time > ${now}
    returning ${certificateColumns(tx)}`
}

/** The tokens of a facility that nobody has used yet count no more. */
export async function withdrawJoinTokens(
  tx: Transaction,
  facility: string,
  now: Date,
): Promise<void> {
  await tx`
    update join_token set expire_time = ${now}
    where facility = ${facility} and use_time is null and expire_time > ${now}`
}

/** The serial numbers that nobody may show. */
export async function revokedSerials(sql: Sql, now: Date): Promise<string[]> {
  const rows = await sql<{ serial: string }[]>`
    select serial from certificate
    where revoke_time is not null and expire_time > ${now} order by serial`
  return rows.map(({ serial }) => serial)
}

export async function allRobots(sql: Sql): Promise<(RobotRow & { readonly secretHash: Buffer })[]> {
  return sql<(RobotRow & { secretHash: Buffer })[]>`
    select ${robotColumns(sql)}, secret_hash from robot`
}

export async function allGrants(sql: Sql): Promise<GrantRow[]> {
  return sql<GrantRow[]>`select claim, value, role, actor, create_time from role_grant`
}
