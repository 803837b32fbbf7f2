import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { CreateHoldsRequest, HoldKind } from '../../../proto/gen/merge/image/v1/hold.ts'
import { RuleLeaving } from '../../../proto/gen/merge/image/v1/rule.ts'
import { announce } from '../../../services/db/changes.ts'
import { aliasCalls } from '../../support/aliases.ts'
import { makeFacilities, push, register } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { ruleCalls, wanted } from '../../support/rules.ts'

const { RULE_LEAVING_KEEP, RULE_LEAVING_KEEP_DAYS } = RuleLeaving
const dayMs = 24 * 60 * 60 * 1000

let portal: Awaited<ReturnType<typeof freshPortal>>
let admin: Clients
let facilities = 0
let lateMs = 0

beforeAll(async () => {
  portal = await freshPortal(() => new Date(Date.now() + lateMs))
  admin = portal.as('admin')
})

afterAll(() => portal[Symbol.asyncDispose]())

beforeEach(() => {
  lateMs = 0
})

/** A facility of its own for each test. */
async function facility() {
  const name = `lab${++facilities}`
  await makeFacilities(admin, name)
  const agent = portal.as(`agent:${name}`)
  return {
    name,
    agent,
    rules: ruleCalls(portal.as(`manager:${name}`), name),
    wants: (...images: string[]) => wanted(agent, name, images),
  }
}

const build = (line = 'debian-13') => publish(portal.as('producer'), line, randomBytes(100))

async function timePasses(ms: number): Promise<void> {
  lateMs += ms
  await announce(portal.sql)
}

test('a facility wants what its rule selects, what is published later, and lets go of what is older', async () => {
  const [first, second] = [await build('debian-12'), await build('debian-12')]
  const { rules, wants } = await facility()
  await rules.put('new', { patterns: ['debian-12-*-*'], newest: 2 })
  await wants(first, second)
  const third = await build('debian-12')
  await wants(second, third)
  expect(await rules.get('new')).toMatchObject({ imageCount: 2 })
})

test('a rule that keeps what it selected goes on wanting it, but nothing that is revoked', async () => {
  const first = await build('debian-12')
  const { rules, wants } = await facility()
  await rules.put('all', { patterns: ['debian-12-*-*'], leaving: RULE_LEAVING_KEEP })
  await wants(first)
  const second = await build('debian-12')
  await wants(first, second)
  const requestId = randomUUID()
  await admin.images.revokeImage({
    ...{ requestId, name: first, reason: 'a hole' },
    replacement: '',
    etag: '',
  })
  await wants(second)
})

test('a rule that keeps for days wants it for these, and selects it anew if it comes to be the newest again', async () => {
  const first = await build('debian-12')
  const { rules, wants } = await facility()
  const keep = { leaving: RULE_LEAVING_KEEP_DAYS, keepDays: 2 }
  await rules.put('some', { patterns: ['debian-12-*-*'], ...keep })
  await wants(first)
  const second = await build('debian-12')
  await wants(first, second)
  await timePasses(dayMs)
  await wants(first, second)
  await timePasses(1.1 * dayMs)
  await wants(second)
})

test('a rule follows aliases as they move', async () => {
  const [first, second] = [await build('ubuntu-2404'), await build('ubuntu-2404')]
  const aliases = aliasCalls(portal.as('producer'))
  await aliases.set('stable', first)
  const { rules, wants } = await facility()
  await rules.put('stable', { patterns: [], aliases: ['stable'] })
  await wants(first)
  await aliases.set('stable', second)
  await wants(second)
})

test('a rule brings what runs somewhere', async () => {
  const [old] = [await build('debian-12'), await build('debian-12')]
  const { rules, wants } = await facility()
  await rules.put('running', { patterns: ['debian-12-*-*'], held: true })
  await wants()
  const hold = {
    images: [old],
    kind: HoldKind.HOLD_KIND_MATERIALIZATION,
    reason: 'runs',
    link: 'm1',
  }
  await portal
    .as('producer')
    .holds.createHolds(CreateHoldsRequest.create({ requestId: randomUUID(), ...hold }))
  // Holds change no name: they are looked at every 15 seconds.
  await timePasses(16_000)
  await wants(old)
})

test('rules are independent: what one lets go another may want, and what was pushed stays', async () => {
  const image = await build('debian-12')
  const { name, rules, wants } = await facility()
  await rules.put('one', { patterns: ['debian-12-*-*'] })
  await rules.put('two', { patterns: ['debian-*-std-x86'], newest: 1, aliases: [] })
  const both = [image, ...(await newestOf('debian-13'))]
  await wants(...both)
  await rules.delete('two')
  await wants(image)
  const requestId = randomUUID()
  const drop = admin.facilities.dropImage({ requestId, facility: name, image })
  await expect(drop).rejects.toMatchObject({ reason: 'WRONG_STATE', facts: { rules: 'one' } })
  await push(admin, name, image)
  await rules.delete('one')
  await wants(image)
})

async function newestOf(line: string): Promise<readonly string[]> {
  return [await build(line)]
}

test('images of another facility come if that shares them, and never its own', async () => {
  const [home, other] = [await facility(), await facility()]
  const own = await register(home.agent, `${home.name}/debian-13-mine-x86`, randomBytes(100))
  for (const { rules } of [home, other])
    await rules.put('theirs', { patterns: ['*/debian-13-mine-*'] })
  await other.wants(own)
  await home.wants(own)
  expect((await home.rules.get('theirs'))?.imageCount).toBe(0)
  await other.rules.put('theirs', { patterns: ['*/debian-13-mine-*'], origin: 'portal' })
  await other.wants()
  await other.rules.put('theirs', { patterns: ['*/debian-13-mine-*'], origin: home.name })
  await other.wants(own)
})

test('the agent hears what comes first', async () => {
  const image = await build('debian-12')
  const { name, rules, wants } = await facility()
  await push(admin, name, image)
  await rules.put('first', { patterns: ['debian-12-*-*'], priority: 7 })
  const isFirst = async (): Promise<boolean> => {
    const [desired] = await wants(image)
    return desired?.priority === 7
  }
  while (!(await isFirst()));
})

test('a rule with a schedule selects when its time comes, and once for what it missed', async () => {
  const image = await build('debian-12')
  const { rules, wants } = await facility()
  const { nextTime } = await rules.put('nightly', {
    patterns: ['debian-12-*-*'],
    cron: '0 3 * * *',
  })
  await announce(portal.sql)
  await wants()
  await timePasses(10 * dayMs)
  await wants(image)
  const after = await rules.get('nightly')
  expect(after?.nextTime?.getTime()).toBe((nextTime?.getTime() ?? 0) + 10 * dayMs)
})

test('a rule with jitter selects at a moment of its own', async () => {
  const image = await build('debian-12')
  const { rules, wants } = await facility()
  await rules.put('late', { patterns: ['debian-12-*-*'], jitterSeconds: 86_400 })
  while ((await rules.get('late'))?.nextTime === undefined);
  await wants()
  await timePasses(dayMs)
  await wants(image)
  expect((await rules.get('late'))?.nextTime).toBeUndefined()
})

test('a change that was read before somebody else changed the rule is refused', async () => {
  const { rules } = await facility()
  const { etag } = await rules.put('mine', {})
  await rules.put('mine', { notes: 'changed' }, etag)
  await expect(rules.put('mine', {}, etag)).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
  await expect(rules.delete('mine', etag)).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' })
  await rules.delete('mine')
  await expect(rules.put('mine', {}, '2')).rejects.toMatchObject({ reason: 'RULE_NOT_FOUND' })
  await expect(rules.get('mine')).rejects.toMatchObject({ reason: 'RULE_NOT_FOUND' })
  await expect(rules.put('far', { origin: 'nowhere' })).rejects.toMatchObject({
    reason: 'FACILITY_NOT_FOUND',
  })
})
