import { newKey, planKeys, privateKeyOf, type KeptKey } from '../../lib/tickets/keys.ts'
import type { SigningKey } from '../../lib/tickets/ticket.ts'
import type { TicketKey } from '../../proto/gen/merge/image/v1/ticket.ts'
import type { Sql } from '../db/open.ts'

export interface TicketKeyDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUlid: () => string
}

/** The keys that count, and the one that signs; the first is made when it is asked for, and the next when its time has come. */
export interface TicketKeyring {
  told(): Promise<TicketKey[]>
  signing(): Promise<SigningKey>
}

export function ticketKeys(deps: TicketKeyDeps): TicketKeyring {
  const plan = async () => {
    const { isNewDue, ...before } = planKeys(await newestKeys(deps.sql), deps.now())
    if (!isNewDue) return before
    await addKey(deps)
    return planKeys(await newestKeys(deps.sql), deps.now())
  }
  return {
    async told() {
      const { valid } = await plan()
      return valid.map(({ id, publicKey }) => ({ id, publicKey: Buffer.from(publicKey) }))
    },
    async signing() {
      const { signing } = await plan()
      if (signing === undefined) throw new TypeError('a keyring without a key')
      return { id: signing.id, privateKey: privateKeyOf(signing) }
    },
  }
}

async function newestKeys(sql: Sql): Promise<KeptKey[]> {
  return sql<KeptKey[]>`
    select id, private_key, public_key, create_time from ticket_key
    order by create_time desc, id desc limit 2`
}

/** Several portals may find at once that a key is due: the lock lets one of them make it. */
async function addKey({ sql, now, newUlid }: TicketKeyDeps): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`lock table ticket_key in exclusive mode`
    const [newest] = await tx<KeptKey[]>`
      select id, private_key, public_key, create_time from ticket_key
      order by create_time desc, id desc limit 1`
    if (!planKeys(newest === undefined ? [] : [newest], now()).isNewDue) return
    const { id, privateKey, publicKey, createTime } = newKey(newUlid(), now())
    await tx`insert into ticket_key (id, private_key, public_key, create_time)
      values (${id}, ${privateKey}, ${publicKey}, ${createTime})`
  })
}
