import { judge, placedAmong } from '../../lib/rules/judge.ts'
import { announce } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { newDesired } from '../facilities/queries.ts'
import type { Candidate } from './facts.ts'
import { lockUsable, reachable } from './facts.ts'
import { lockUnchanged } from './queries.ts'
import { nextOf, selectionOf, type RuleRow } from './rule.ts'

/** An image that a facility is to have, and why, as a clause. */
export interface Chosen {
  readonly image: string
  readonly why: string
}

/** The images that a rule selects of the candidates: never those that are at its facility anyway. */
export function chosenBy(rule: RuleRow, candidates: readonly Candidate[]): readonly Chosen[] {
  return chooser(candidates)(rule)
}

/** Many facilities have the same rule: each selection is judged once. */
function chooser(candidates: readonly Candidate[]): (rule: RuleRow) => readonly Chosen[] {
  const known = new Map<string, readonly (Chosen & Pick<Candidate, 'home'>)[]>()
  const judged = (rule: RuleRow) => {
    const selection = selectionOf(rule)
    const { labels } = selection
    const placed = labels.length === 0 ? candidates : placedAmong(candidates, labels)
    return placed.flatMap((candidate) => {
      const { selected, why } = judge(selection, candidate)
      return selected ? [{ image: candidate.image, home: candidate.home, why }] : []
    })
  }
  return (rule) => {
    const { patterns, newest, aliases, held, origin, labels } = rule
    const key = JSON.stringify([patterns, newest, aliases, held, origin, labels])
    const chosen = known.get(key) ?? judged(rule)
    known.set(key, chosen)
    return chosen.filter(({ home }) => home !== rule.facility)
  }
}

/**
 * Has facilities want what their rules select now, and want no more what these let go. All rules at once, whichever facility's: a
 * release that a thousand facilities wait for is one transaction.
 */
export async function applyRules(
  sql: Sql,
  rules: readonly RuleRow[],
  candidates: readonly Candidate[],
  at: { readonly generation: bigint; readonly now: Date },
): Promise<readonly string[]> {
  const chosen = chooser(candidates)
  const pairs = rules.flatMap((rule) => chosen(rule).map(({ image }) => ({ ...rule, image })))
  return sql.begin(async (tx) => {
    const images = await lockUsable(tx, await freshOf(tx, pairs))
    const unchanged = new Set((await lockUnchanged(tx, rules)).map(keyOf))
    const still = rules.filter((rule) => unchanged.has(keyOf(rule)))
    const selected = pairs.filter((pair) => unchanged.has(keyOf(pair)))
    const changed = [
      ...(await add(tx, selected, images)),
      ...(await letGo(tx, still, selected, at.now)),
    ]
    await noteSelected(tx, still, at)
    await newDesired(tx, changed)
    if (changed.length > 0) await announce(tx)
    return [...new Set(changed)]
  })
}

interface Pair extends RuleRow {
  readonly image: string
}

function keyOf({ facility, name }: Pick<RuleRow, 'facility' | 'name'>): string {
  return `${facility} ${name}`
}

const pairsOf = (tx: Transaction, pairs: readonly Pair[]) => tx`
  unnest(${pairs.map(({ facility }) => facility)}::text[], ${pairs.map(({ name }) => name)}::text[],
    ${pairs.map(({ image }) => image)}::text[], ${pairs.map(({ author }) => author)}::text[],
    ${pairs.map(({ priority }) => priority)}::int[]) as selected (facility, rule, image, actor, priority)`

/** The images that some facility comes to want. */
async function freshOf(tx: Transaction, pairs: readonly Pair[]): Promise<string[]> {
  const rows = await tx<{ image: string }[]>`
    select distinct image from ${pairsOf(tx, pairs)}
    where not exists (
      select from want where want.facility = selected.facility and want.rule = selected.rule and want.image = selected.image)`
  return rows.map(({ image }) => image)
}

/** Answers with the facilities that want something more, or something else first. */
async function add(
  tx: Transaction,
  pairs: readonly Pair[],
  fresh: ReadonlySet<string>,
): Promise<string[]> {
  const rows = await tx<{ facility: string }[]>`
    with changed as (
      insert into want (facility, rule, image, actor, priority)
      select facility, rule, image, actor, priority from ${pairsOf(tx, pairs)}
      where image = any (${[...fresh]}::text[])
        or exists (
          select from want where want.facility = selected.facility and want.rule = selected.rule and want.image = selected.image)
      on conflict (facility, image, rule) do update set priority = excluded.priority, until = null
      where want.priority <> excluded.priority or want.until is not null
      returning facility)
    select distinct facility from changed`
  return rows.map(({ facility }) => facility)
}

/** Answers with the facilities that want something no more. */
async function letGo(
  tx: Transaction,
  rules: readonly RuleRow[],
  pairs: readonly Pair[],
  now: Date,
): Promise<string[]> {
  const left = tx`
    select want.facility, want.rule, want.image, sync_rule.leaving, sync_rule.keep_days,
      ${reachable(tx)} as usable
    from want join sync_rule on sync_rule.facility = want.facility and sync_rule.name = want.rule
      join image on image.name = want.image
    where (want.facility, want.rule) in (
        select * from unnest(${rules.map(({ facility }) => facility)}::text[], ${rules.map(({ name }) => name)}::text[]))
      and not exists (
        select from ${pairsOf(tx, pairs)}
        where selected.facility = want.facility and selected.rule = want.rule and selected.image = want.image)`
  await tx`
    update want set until = ${now}::timestamptz + keep_days * interval '1 day' from (${left}) as gone
    where want.facility = gone.facility and want.rule = gone.rule and want.image = gone.image
      and leaving = 'keep-days' and usable and want.until is null`
  await tx`
    update want set until = null from (${left}) as gone
    where want.facility = gone.facility and want.rule = gone.rule and want.image = gone.image
      and leaving = 'keep' and want.until is not null`
  const rows = await tx<{ facility: string }[]>`
    delete from want using (${left}) as gone
    where want.facility = gone.facility and want.rule = gone.rule and want.image = gone.image
      and (leaving = 'release' or not usable)
    returning want.facility`
  return rows.map(({ facility }) => facility)
}

async function noteSelected(
  tx: Transaction,
  rules: readonly RuleRow[],
  { generation, now }: { readonly generation: bigint; readonly now: Date },
): Promise<void> {
  await tx`
    update sync_rule set generation = ${generation}, select_time = ${now}, next_time = noted.next
    from unnest(${rules.map(({ facility }) => facility)}::text[], ${rules.map(({ name }) => name)}::text[],
      ${rules.map((rule) => nextOf(rule, now)?.toISOString() ?? null)}::timestamptz[]) as noted (facility, name, next)
    where sync_rule.facility = noted.facility and sync_rule.name = noted.name`
}

/** What rules wanted for a time after they had let it go, and want no more. */
export function endKept(sql: Sql, now: Date): Promise<void> {
  return dropWant(sql, sql`until <= ${now}`)
}

/** What rules want and nobody can fetch any more: revoked, gone, or not shared any longer. */
export function dropUnreachable(sql: Sql): Promise<void> {
  const lost = sql`
    rule <> '' and not (select ${reachable(sql)} from image where image.name = want.image)`
  return dropWant(sql, lost)
}

async function dropWant(sql: Sql, which: ReturnType<typeof reachable>): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await tx<
      { facility: string }[]
    >`delete from want where ${which} returning facility`
    await newDesired(
      tx,
      rows.map(({ facility }) => facility),
    )
    if (rows.length > 0) await announce(tx)
  })
}
