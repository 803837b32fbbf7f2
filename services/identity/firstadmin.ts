import { join } from 'node:path'
import { writeSecret } from '../../lib/identity/files.ts'
import type { World } from '../../lib/service.ts'
import type { Sql } from '../db/open.ts'
import { secretHashOf, tokenOf, type Issuing } from './issuing.ts'
import { deleteRobot, hasAdmin, insertRobot, lockFirstAdmin } from './queries.ts'
import type { Standing } from './standing.ts'

const name = 'first-admin'
const lifetimeMs = 30 * 24 * 60 * 60 * 1000

/**
 * Where nobody is admin, whoever can read the portal's own folder becomes it, by a token that lies there: so the first one gets in, and
 * one whose token ran out does again, by starting the portal.
 */
export async function keepAdmin(
  { data, oidcIssuer }: { readonly data: string; readonly oidcIssuer: string | undefined },
  deps: Pick<World, 'now' | 'newUlid' | 'log'> & {
    readonly sql: Sql
    readonly issuing: Issuing
    readonly standing: Pick<Standing, 'refresh'>
  },
): Promise<void> {
  const { sql, issuing, standing, now, newUlid, log } = deps
  const file = join(data, 'admin.token')
  await sql.begin(async (tx) => {
    await lockFirstAdmin(tx)
    const time = now()
    if (await hasAdmin(tx, time, oidcIssuer !== undefined)) return
    const tokenId = newUlid()
    // The file comes first: a token that nobody can read would count for its time.
    await writeSecret(file, `${tokenOf('robot', tokenId, issuing)}\n`)
    const expireTime = new Date(time.getTime() + lifetimeMs)
    const dated = { tokenId, createTime: time, tokenTime: time, expireTime }
    const secretHash = secretHashOf('robot', tokenId, issuing)
    await deleteRobot(tx, name)
    await insertRobot(tx, { name, role: 'admin', actor: 'portal', ...dated, secretHash })
    log.info({ file, expireTime }, 'nobody is admin: the token in this file makes you one')
  })
  await standing.refresh()
}
