import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { ulid } from 'ulid'
import { Failure } from '../../../lib/failure.ts'
import { makeLog } from '../../../lib/log.ts'
import { takeBackLapsed } from '../../../services/builds/keeping.ts'
import {
  checks,
  claimRequest,
  fail,
  finish,
  log,
  putRecipe,
  run,
  type Claimed,
} from '../../support/builds.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'

const builds = 60
const workers = 6

/** Numbers from 0 to 1 that are the same in each run. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

interface Ended {
  readonly state: string
  readonly image: string | null
  readonly made: string | null
  readonly standing: string | null
  readonly retryOf: string | null
  readonly checks: number
}

/** A call that may come too late: the build was cancelled, or is another one's by then. */
async function late(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error
    expect(['BUILD_LOST', 'BUILD_ENDED']).toContain(error.reason)
  })
}

test(`${builds} builds whose builders die, dawdle and are told to stop end once each, with one image if they are done`, async () => {
  await using portal = await freshPortal()
  await using other = await freshPortal(() => new Date(), portal.database)
  const producer = portal.as('producer')
  const recipe = { limits: '{attempts: 2}', release: 'automatic' }
  await putRecipe(producer, 'std', recipe)
  const names: string[] = []
  for (let i = 0; i < builds; i++) names.push(await run(producer, 'std'))
  const open = async () => (await portal.sql`select from build where end_time is null`).length > 0

  async function work(clients: Clients, worker: string, next: () => number): Promise<void> {
    while (await open()) {
      const request = claimRequest({ worker })
      const { build } = await clients.builds.claimBuild(request)
      if (build === undefined) continue
      const claimed = { build, claim: request.claim, recipe: undefined, former: undefined }
      const mine = { ...claimed, expireTime: undefined, order: undefined }
      await late(log(clients, mine, 'at work\n', Number(build.logBytes)))
      const what = next()
      // Who dies says nothing more; who dawdles goes on though its lease has run out.
      if (what < 0.25) continue
      if (what < 0.5) {
        await portal.sql`
            update build set lease_time = now() - interval '1 second' where claim = ${mine.claim}`
      }
      if (what < 0.6) await late(fail(clients, mine.claim))
      else if (what < 0.8) await late(finish(clients, mine, randomBytes(200)))
      else await late(finishLater(clients, mine, next()))
    }
  }

  /** Makes the image, and tells later what became of it, or never. */
  async function finishLater(clients: Clients, mine: Claimed, what: number): Promise<void> {
    await finish(clients, mine, randomBytes(200), { checks: [], checksFollow: true })
    if (what < 0.3) return
    const outcome = { $case: 'made', value: { checks: checks() } } as const
    if (what < 0.5) await fail(clients, mine.claim)
    else await clients.builds.finishBuild({ claim: mine.claim, outcome })
  }

  async function disturb(next: () => number): Promise<void> {
    while (await open()) {
      await takeBackLapsed({ sql: portal.sql, log: makeLog('silent'), newUlid: ulid })
      const name = names[Math.floor(next() * builds * 6)]
      if (name === undefined) continue
      await late(producer.builds.cancelBuild({ requestId: randomUUID(), name }))
    }
  }

  await Promise.all([
    disturb(chance(1)),
    ...Array.from({ length: workers }, (_, i) =>
      work((i % 2 === 0 ? portal : other).as('agent:portal'), `w${i}`, chance(i + 2)),
    ),
  ])
  const rows = await portal.sql<Ended[]>`
      select build.state, build.image, image.name as made, image.state as standing, retry_of,
        (select count(*)::int from build_check where build = build.name) as checks
      from build left join image on image.build = build.name`
  // One whose builder went away from an image is followed by another.
  expect(rows.filter(({ retryOf }) => retryOf === null)).toHaveLength(builds)
  for (const { state, image, made, standing, checks: told } of rows) {
    if (state === 'done') expect({ made, told }).toEqual({ made: image, told: 4 })
    else if (state === 'cancelled') expect([null, 'candidate']).toContain(standing)
    else expect(made).toBe(null)
  }
  const ends = new Set(rows.map(({ state }) => state))
  expect(ends).toEqual(new Set(['done', 'failed', 'cancelled']))
}, 120_000)
