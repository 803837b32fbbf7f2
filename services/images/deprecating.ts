import { parseImageName } from '../../lib/names/name.ts'
import { recordEvent } from '../audit/record.ts'
import type { Sql } from '../db/open.ts'
import { lockFamily } from './family.ts'
import { dueDeprecations } from './queries.ts'
import { stand } from './standing.ts'

/** Deprecates the images for which that was planned; answers their names. */
export async function deprecateDue(sql: Sql): Promise<readonly string[]> {
  const done: string[] = []
  for (const name of await dueDeprecations(sql)) {
    if (await deprecateOne(sql, name)) done.push(name)
  }
  return done
}

function deprecateOne(sql: Sql, name: string): Promise<boolean> {
  const image = parseImageName(name)
  return sql.begin(async (tx) => {
    const now = await lockFamily(tx, image)
    // Somebody may have thought better of it meanwhile.
    if (now === undefined || now.deprecateTime === null) return false
    const standing = { state: 'deprecated', heldBack: false, replacement: now.replacement } as const
    const reason = 'as it was planned'
    await stand(tx, { name, image }, standing, { actor: 'system', reason })
    await recordEvent(tx, { deed: 'deprecate-image', resources: [{ kind: 'image', name }], reason })
    return true
  })
}
