import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ItemOutcome, RunState } from '../../proto/gen/merge/image/v1/retention.ts'
import { openDatabase } from '../../services/db/open.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { chunksOf } from '../support/chunks.ts'
import { chancesOf, commitOf, someOf, storeUnder } from '../support/overlapping.ts'
import { clientsAs, type Clients } from '../support/portal.ts'
import { retentionCalls } from '../support/retention.ts'

/** KILLS=100 takes some ten minutes: docs/benchmarks.md has what came of it. */
const kills = Number(process.env['KILLS'] ?? 10)
const seed = Number(process.env['SEED'] ?? 20261128)
const going = 12
const line = 'debian-13-std-x86'

describe('a portal that is killed while it carries out a plan', () => {
  let testbed: Testbed
  let admin: Clients
  const chance = chancesOf(`retention ${seed}`)

  beforeAll(async () => {
    testbed = await startTestbed([], { insecure: true })
    admin = clientsAs(testbed.portalAddress, 'admin')
    const policy = { name: 'std', pattern: line, keepNewest: 1, expireAfterDays: 30 }
    await retentionCalls(admin).put(policy)
  }, 120_000)

  afterAll(async () => {
    admin[Symbol.dispose]()
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  /** Asks the portal's own database, wherever it is since the last start. */
  async function ask<T>(query: (sql: ReturnType<typeof openDatabase>) => Promise<T>): Promise<T> {
    const dir = join(testbed.folder, 'portal/postgres')
    const password = encodeURIComponent(await readFile(`${dir}.password`, 'utf8'))
    const [, , , port = ''] = (await readFile(join(dir, 'postmaster.pid'), 'utf8')).split('\n')
    const sql = openDatabase(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`)
    try {
      return await query(sql)
    } finally {
      await sql.end()
    }
  }

  /** Publishes images that share chunks; all but the last are old. */
  async function publishSome(round: number): Promise<void> {
    const pool = chunksOf(`round ${round}`, 40)
    for (let i = 0; i <= going; i++) {
      const chunks = someOf(pool, 10 + Math.floor(chance() * 20), chance)
      await commitOf(admin, await storeUnder(admin, line, chunks), chunks)
    }
    await ask(async (sql) => {
      await sql`update image set create_time = now() - interval '90 days'`
    })
  }

  /** What is neither here nor gone, and what was done twice. */
  const halfGone = () =>
    ask(
      (sql) => sql<{ name: string }[]>`
        select name from image join manifest on manifest.id = image.manifest
        where (select count(*) from manifest_chunk where manifest_chunk.manifest = manifest.id)
            <> (case when storage = 'present' then chunk_count else 0 end)
          or (select count(*) from image_change where image = name and image_change.storage = 'expired')
            <> (case when storage = 'expired' then 1 else 0 end)`,
    )
  const countOf = (storage: string) =>
    ask(async (sql) => {
      const rows = await sql`select from image where storage = ${storage}`
      return rows.length
    })

  /** Watches a run to its end, through a portal that has just started. */
  async function ended(run: string) {
    for (let at = 0; ; at++) {
      try {
        return await retentionCalls(admin).ended(run)
      } catch (error) {
        if (at === 50) throw error
        await sleep(200)
      }
    }
  }

  test(`${kills} times finishes it on its restart, with nothing lost and nothing half gone`, async () => {
    const seen = { before: 0, between: 0, after: 0 }
    for (let round = 0; round < kills; round++) {
      await publishSome(round)
      const calls = retentionCalls(admin)
      const plan = await calls.plan()
      const count = Number(plan.expireCount)
      expect(count).toBeGreaterThanOrEqual(going)
      await calls.apply(plan)
      await sleep(chance() * 1_500)
      await testbed.portal.stop('SIGKILL')
      await testbed.restartPortal()
      const gone = await ask(
        (sql) => sql`select from image_change where reason like ${`%${plan.id}`}`,
      )
      seen[gone.length === 0 ? 'before' : gone.length < count ? 'between' : 'after']++
      const run = await ended(plan.id)
      expect(run).toMatchObject({ state: RunState.RUN_STATE_DONE, doneCount: BigInt(count) })
      const items = await retentionCalls(admin).items(plan.id)
      const left = items.filter(
        ({ action, outcome }) => action === 3 && outcome !== ItemOutcome.ITEM_OUTCOME_DONE,
      )
      expect(left).toEqual([])
      expect(await halfGone()).toEqual([])
      expect(await countOf('present')).toBe(1)
    }
    expect(await countOf('expired')).toBe(kills * (going + 1) - 1)
    process.stdout.write(`killed ${JSON.stringify(seen)}; seed ${seed}\n`)
    expect(seen.between).toBeGreaterThan(0)
  }, 1_800_000)
})
