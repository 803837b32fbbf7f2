import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { ReportStateRequest } from '../../../proto/gen/merge/image/v1/agent.ts'
import {
  PushImageRequest,
  Replica,
  ReplicaState,
} from '../../../proto/gen/merge/image/v1/facility.ts'
import { RulePeers } from '../../../proto/gen/merge/image/v1/rule.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal } from '../../support/portal.ts'
import { ruleCalls, wanted } from '../../support/rules.ts'

const now = new Date('2026-06-15T10:00:00Z')
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000)

let portal: Awaited<ReturnType<typeof freshPortal>>
let [large, small] = ['', '']
let facility = ''
let made = 0

beforeAll(async () => {
  portal = await freshPortal(() => now)
  large = await publish(portal.as('producer'), 'debian-12', randomBytes(200_000))
  small = await publish(portal.as('producer'), 'debian-13', randomBytes(100_000))
})

beforeEach(async () => {
  facility = `lab${++made}`
  await makeFacilities(portal.as('admin'), facility)
})

afterAll(() => portal[Symbol.asyncDispose]())

const push = (image: string, byTime?: Date) =>
  portal
    .as('admin')
    .facilities.pushImage(
      PushImageRequest.create({ requestId: randomUUID(), facility, image, byTime }),
    )

const report = (more: Partial<ReportStateRequest>) =>
  portal
    .as(`agent:${facility}`)
    .agents.reportState(ReportStateRequest.create({ facility, fetchRate: 10_000n, ...more }))

test('nobody can tell before the agent was heard of and has fetched anything', async () => {
  const answer = await push(small, after(60))
  expect(answer.expectedTime).toBeUndefined()
  expect(answer.message).toContain('nobody can tell: its agent is away, or has fetched nothing yet')
  await report({ fetchRate: 0n })
  expect((await push(small, after(60))).expectedTime).toBeUndefined()
})

test('an image is expected after what comes before it, at the rate of the last transfers', async () => {
  await report({})
  const first = await push(large, after(60))
  expect(first.expectedTime).toEqual(after(20))
  expect(first.message).toBe(
    `It is expected at ${facility} at 2026-06-15 10:00:20 UTC, in time for 2026-06-15 10:01:00 UTC.`,
  )
  expect((await push(small, after(120))).expectedTime).toEqual(after(30))
  const explained = { facility, image: large }
  const answer = await portal.as('admin').facilities.explainReplica(explained)
  expect(answer).toMatchObject({ byTime: after(60), expectedTime: after(20) })
  expect(answer.message).toContain('It is expected')
})

test('who gives no time is told of none, and no chunk is looked up', async () => {
  await report({})
  expect(await push(large)).toMatchObject({ expectedTime: undefined, message: '' })
  const { expectedTime } = await portal
    .as('admin')
    .facilities.explainReplica({ facility, image: large })
  expect(expectedTime).toEqual(after(20))
})

test('what is to be there by a time goes before the rest, and the answer says whether it will be in time', async () => {
  await report({})
  await push(small)
  const late = await push(large, after(15))
  expect(late.expectedTime).toEqual(after(20))
  expect(late.message).toContain('1 min too late for 2026-06-15 10:00:15 UTC')
  const inTime = await push(large, after(25))
  expect(inTime.message).toContain('in time for 2026-06-15 10:00:25 UTC')
  const agents = portal.as(`agent:${facility}`).agents.watchDesiredState({ facility })
  for await (const { images } of agents) {
    expect(images.map(({ image, byTime }) => [image?.name, byTime])).toEqual([
      [large, after(25)],
      [small, undefined],
    ])
    break
  }
  // Pushed again without a time it keeps the one that it has.
  await push(large)
  const { byTime } = await portal.as('admin').facilities.explainReplica({ facility, image: large })
  expect(byTime).toEqual(after(25))
})

test('what rules bind is expected in their hours and at their rate, and holds up nothing that is pushed', async () => {
  await report({})
  const rules = ruleCalls(portal.as(`manager:${facility}`), facility)
  const bounds = { windows: ['11:00-12:00'], rate: 5_000n }
  await rules.put('bound', { patterns: ['debian-12-*-*'], ...bounds })
  await wanted(portal.as(`agent:${facility}`), facility, [large])
  const explained = () => portal.as('admin').facilities.explainReplica({ facility, image: large })
  // An hour until it may, and 200 kB at 5 kB a second.
  expect((await explained()).expectedTime).toEqual(after(3640))
  expect((await push(small, after(60))).expectedTime).toEqual(after(10))
  // Then the small one, which is small and bound by nothing, will be there first.
  expect((await explained()).expectedTime).toEqual(after(3650))
  expect((await explained()).message).toContain(
    'By it alone it is fetched in the hours 11:00-12:00 of UTC, next from 2026-06-15 11:00 UTC, at 5000 bytes a second at most.',
  )
  expect((await push(large, after(60))).expectedTime).toEqual(after(30))
})

test('what comes from peers alone is expected once one has it', async () => {
  await report({})
  const rules = ruleCalls(portal.as(`manager:${facility}`), facility)
  const peers = RulePeers.RULE_PEERS_ONLY
  await rules.put('near', { patterns: ['debian-13-*-*'], peers })
  await wanted(portal.as(`agent:${facility}`), facility, [small])
  const explained = { facility, image: small }
  const { expectedTime, message } = await portal.as('admin').facilities.explainReplica(explained)
  expect(expectedTime).toBeUndefined()
  expect(message).toContain('from other facilities alone, and none has it whole')
})

test('what is on its way is not left for another, and counts for what has not come', async () => {
  await push(large)
  await push(small)
  const replica = Replica.create({
    image: large,
    state: ReplicaState.REPLICA_STATE_FETCHING,
    totalBytes: 200_000n,
    portalBytes: 150_000n,
  })
  await report({ replicas: [replica] })
  expect((await push(large, after(60))).expectedTime).toEqual(after(5))
  expect((await push(small, after(60))).expectedTime).toEqual(after(15))
})

test('an agent that may not fetch yet is waited for, and what is there is not expected', async () => {
  await report({ opensTime: after(3600) })
  expect((await push(small, after(60))).expectedTime).toEqual(after(3610))
  await report({
    replicas: [Replica.create({ image: small, state: ReplicaState.REPLICA_STATE_PRESENT })],
  })
  expect(await push(small, after(60))).toMatchObject({ message: '' })
})
