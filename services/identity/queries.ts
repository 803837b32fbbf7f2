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

/** Lets portals that start at once look one after another whether somebody is admin. */
export async function lockFirstAdmin(tx: Transaction): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended('first admin', 0))`
}

/** Whether anybody can come in as an admin at this time; by a role that was given, where there is an identity provider. */
export async function hasAdmin(sql: Transaction, now: Date, byGrant: boolean): Promise<boolean> {
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

/** The tokens of a facility that nobody has used yet are none any more. */
export async function withdrawJoinTokens(tx: Transaction, facility: string): Promise<void> {
  await tx`delete from join_token where facility = ${facility} and use_time is null`
}

export async function allRobots(sql: Sql): Promise<(RobotRow & { readonly secretHash: Buffer })[]> {
  return sql<(RobotRow & { secretHash: Buffer })[]>`
    select ${robotColumns(sql)}, secret_hash from robot`
}

export async function allGrants(sql: Sql): Promise<GrantRow[]> {
  return sql<GrantRow[]>`select claim, value, role, actor, create_time from role_grant`
}
