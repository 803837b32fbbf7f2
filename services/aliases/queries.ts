import type { Sql, Transaction } from '../db/open.ts'
import type { Page } from '../pages.ts'

export interface AliasRow {
  readonly name: string
  readonly image: string
  readonly actor: string
  readonly reason: string
  readonly updateTime: Date
  readonly version: number
}

const columns = (sql: Sql | Transaction) => sql`name, image, actor, reason, update_time, version`

export async function findAlias(
  sql: Sql | Transaction,
  name: string,
): Promise<AliasRow | undefined> {
  const [row] = await sql<AliasRow[]>`select ${columns(sql)} from alias where name = ${name}`
  return row
}

export async function aliasesOf(sql: Sql, images: readonly string[]): Promise<AliasRow[]> {
  return sql<AliasRow[]>`
    select ${columns(sql)} from alias where image = any(${images as string[]}) order by name`
}

export async function listAliases(sql: Sql, namespace: string, page: Page): Promise<AliasRow[]> {
  return sql<AliasRow[]>`
    select ${columns(sql)} from alias
    where name > ${page.after}
      and (${namespace} = '' or coalesce(facility, 'portal') = ${namespace})
    order by name limit ${page.size + 1}`
}

/**
 * Points the alias at the image and keeps the move. With a version, only if the alias still has it: undefined if it does
 * not. The row's lock makes moves linearizable.
 */
export async function moveAlias(
  tx: Transaction,
  move: {
    readonly name: string
    readonly facility: string | null
    readonly image: string
    readonly actor: string
    readonly reason: string
  },
  version: string,
): Promise<AliasRow | undefined> {
  const { name, facility, image, actor, reason } = move
  const [row] =
    version === ''
      ? await tx<AliasRow[]>`
          insert into alias (name, facility, image, actor, reason)
          values (${name}, ${facility}, ${image}, ${actor}, ${reason})
          on conflict (name) do update
            set image = excluded.image, actor = excluded.actor, reason = excluded.reason,
              update_time = now(), version = alias.version + 1
          returning ${columns(tx)}`
      : await tx<AliasRow[]>`
          update alias set image = ${image}, actor = ${actor}, reason = ${reason},
            update_time = now(), version = version + 1
          where name = ${name} and version::text = ${version}
          returning ${columns(tx)}`
  if (row === undefined) return undefined
  await tx`
    insert into alias_move (alias, version, image, actor, reason)
    values (${name}, ${row.version}, ${image}, ${actor}, ${reason})`
  return row
}
