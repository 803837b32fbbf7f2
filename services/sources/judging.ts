import { dayOf } from '../../lib/names/day.ts'
import { judgeItems, type Verdict } from '../../lib/sources/judge.ts'
import { parseSource } from '../../lib/sources/parse.ts'
import { sumsOf } from '../../lib/sources/parts.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { readItems, readPast } from './items.ts'
import type { SourceRow } from './queries.ts'

/** What becomes of all that a source's last scan found, as it stands now. */
export async function judge(
  sql: Sql | Transaction,
  { name, text }: Pick<SourceRow, 'name' | 'text'>,
  now: Date,
): Promise<readonly Verdict[]> {
  const source = parseSource(text)
  const [items, { catalogue }] = await Promise.all([readItems(sql, name), readCatalogue(sql)])
  const past = await readPast(sql, name, sumsOf(source, items))
  return judgeItems(source, items, past, catalogue, dayOf(now))
}
