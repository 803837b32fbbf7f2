import type { Sql, Transaction } from '../db/open.ts'
import type { DraftRow, EventRow, Head, Link } from './chain.ts'
import type { Page } from '../pages.ts'

/** The end of the chain, locked: whoever has it adds to the chain, and nobody else does. */
export async function lockHead(tx: Transaction): Promise<Head | undefined> {
  const [head] = await tx<Head[]>`select sequence, hash from event_head for update`
  return head
}

/** The same, or undefined if somebody else has it. */
export async function tryHead(tx: Transaction): Promise<Head | undefined> {
  const [head] = await tx<Head[]>`select sequence, hash from event_head for update skip locked`
  return head
}

export async function readHead(sql: Sql): Promise<Head & { readonly newest: bigint }> {
  const [head] = await sql<(Head & { newest: bigint })[]>`
    select sequence, hash, coalesce((select max(sequence) from event), 0) as newest from event_head`
  if (head === undefined) throw new Error('the audit log has no head')
  return head
}

export async function hasDrafts(sql: Sql): Promise<boolean> {
  return (await sql`select from event_draft limit 1`).count > 0
}

/** Those that are committed, the first first. */
export function oldestDrafts(tx: Transaction, most: number): Promise<DraftRow[]> {
  return tx<DraftRow[]>`
    select id, ${columns(tx)} from event_draft order by id limit ${most}`
}

/** Gives drafts their places, and moves the end of the chain. */
export async function addLinks(tx: Transaction, links: readonly Link[]): Promise<void> {
  const last = links.at(-1)
  if (last === undefined) return
  const drafts = links.map(({ draft }) => String(draft))
  const places = tx`
    select draft, sequence, decode(prev_hash, 'hex') as prev_hash, decode(hash, 'hex') as hash
    from unnest(${drafts}::bigint[], ${links.map(({ sequence }) => String(sequence))}::bigint[],
      ${links.map(({ prevHash }) => prevHash.toString('hex'))}::text[],
      ${links.map(({ hash }) => hash.toString('hex'))}::text[]) as link (draft, sequence, prev_hash, hash)`
  await tx`
    insert into event (sequence, draft, prev_hash, hash, ${columns(tx)})
    select sequence, draft, prev_hash, hash, ${columns(tx)}
    from event_draft join (${places}) as link on link.draft = event_draft.id order by sequence`
  await tx`delete from event_draft where id = any (${drafts}::bigint[])`
  await tx`update event_head set sequence = ${last.sequence}, hash = ${last.hash}`
}

/** Which events. */
export interface Wanted {
  readonly facility: string
  readonly actor: string
  readonly method: string
  /** Of the form `kind:name`; empty for any. */
  readonly resource: string
  readonly outcome: '' | 'done' | 'denied'
  readonly since: Date | undefined
  readonly until: Date | undefined
}

/** One more than a page, newest first. */
export function listEvents(sql: Sql, wanted: Wanted, { size, after }: Page): Promise<EventRow[]> {
  return sql<EventRow[]>`
    select ${eventColumns(sql)} from event
    where ${isWanted(sql, wanted)} and ${after === '' ? sql`true` : sql`sequence < ${after}::bigint`}
    order by sequence desc limit ${size + 1}`
}

/** Those after one place up to another, in the order of the chain. */
export function eventsBetween(
  sql: Sql,
  wanted: Wanted | undefined,
  { after, upTo, most }: { readonly after: bigint; readonly upTo: bigint; readonly most: number },
): Promise<EventRow[]> {
  return sql<EventRow[]>`
    select ${eventColumns(sql)} from event
    where ${wanted === undefined ? sql`true` : isWanted(sql, wanted)}
      and sequence > ${after} and sequence <= ${upTo}
    order by sequence limit ${most}`
}

function isWanted(sql: Sql, wanted: Wanted) {
  const { facility, actor, method, resource, outcome, since, until } = wanted
  const named = [facility === '' ? '' : `facility:${facility}`, resource].filter(
    (one) => one !== '',
  )
  return sql`(
    ${named.length === 0 ? sql`true` : sql`resources @> ${named}::text[]`}
    and ${actor === '' ? sql`true` : sql`actor = ${actor}`}
    and ${method === '' ? sql`true` : sql`(method = ${method} or split_part(method, '/', 3) = ${method})`}
    and ${outcome === '' ? sql`true` : sql`outcome = ${outcome}`}
    and ${since === undefined ? sql`true` : sql`time >= ${since}`}
    and ${until === undefined ? sql`true` : sql`time < ${until}`})`
}

const columns = (sql: Sql | Transaction) => sql`
  time, actor, role, peer, method, request_id, resources, outcome, reason, request,
  before_etag, before_state, after_etag, after_state, suppressed`

const eventColumns = (sql: Sql) => sql`sequence, ${columns(sql)}, prev_hash, hash`
