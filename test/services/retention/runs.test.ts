import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { RetentionAction } from '../../../proto/gen/merge/image/v1/retention.ts'
import { forgetPlans } from '../../../services/retention/runs.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'
import { age, retentionCalls } from '../../support/retention.ts'

const { RETENTION_ACTION_KEEP, RETENTION_ACTION_EXPIRE } = RetentionAction
let portal: Awaited<ReturnType<typeof freshPortal>>
let calls: ReturnType<typeof retentionCalls>

beforeAll(async () => {
  portal = await freshPortal()
  calls = retentionCalls(portal.as('admin'))
  const old = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
  await age(portal.sql, old, 100)
  await publish(portal.as('producer'), 'debian-13', randomBytes(100))
  await calls.put({ name: 'debian', pattern: 'debian-*-*-*', keepNewest: 1, expireAfterDays: 30 })
})

afterAll(() => portal[Symbol.asyncDispose]())

const itemsOf = async (run: string): Promise<readonly { readonly action: string }[]> =>
  portal.sql<{ action: string }[]>`
    select action from retention_item where run = ${run} order by action`

test('a plan that nobody carried out is forgotten with all that it said', async () => {
  const { id } = await calls.plan()
  await forgetPlans(portal.sql, new Date(0))
  expect(await itemsOf(id)).toHaveLength(2)
  await forgetPlans(portal.sql, new Date(Date.now() + 1000))
  await expect(calls.get(id)).rejects.toMatchObject({ reason: 'RUN_NOT_FOUND' })
  expect(await itemsOf(id)).toEqual([])
})

test('of a plan that was carried out, what it did stays to be read', async () => {
  const plan = await calls.plan()
  await calls.apply(plan)
  await calls.ended(plan.id)
  expect((await calls.items(plan.id)).map(({ action }) => action).sort()).toEqual(
    [RETENTION_ACTION_KEEP, RETENTION_ACTION_EXPIRE].sort(),
  )
  await forgetPlans(portal.sql, new Date(Date.now() + 1000))
  expect((await calls.items(plan.id)).map(({ action }) => action)).toEqual([
    RETENTION_ACTION_EXPIRE,
  ])
})
