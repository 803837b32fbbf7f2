import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { CreateHoldsRequest, HoldKind } from '../../../proto/gen/merge/image/v1/hold.ts'
import { HoldBackImageRequest } from '../../../proto/gen/merge/image/v1/image.ts'
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

/** Once a rule that was put later has selected, those before it had their turn. */
async function othersSelected(rules: ReturnType<typeof ruleCalls>): Promise<void> {
  await rules.put('later', { patterns: ['fedora-*-*-*'] })
  while ((await rules.get('later'))?.selectTime === undefined);
}

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

test('what is newest goes by the names, and what is held back is passed by', async () => {
  const { rules, wants, agent, name } = await facility()
  const newest = await build('debian-11.9')
  await rules.put('new', { patterns: ['debian-11-*-*'] })
  await wants(newest)
  const rebuilt = await build('debian-11.8')
  // Another rule that is put later selects it, so the first has looked by then.
  await rules.put('both', { patterns: ['debian-11-*-*'], newest: 2 })
  await wants(newest, rebuilt)
  await rules.delete('both')
  await wants(newest)
  const request = { requestId: randomUUID(), name: newest, reason: 'it does not boot', etag: '' }
  await admin.images.holdBackImage(HoldBackImageRequest.create(request))
  await wanted(agent, name, [rebuilt])
  const explained = await admin.facilities.explainReplica({ facility: name, image: newest })
  expect(explained.message).toContain('it is held back, and not among the newest of its line')
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
  await othersSelected(rules)
  expect(await rules.get('running')).toMatchObject({ imageCount: 0 })
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
  await rules.put('two', { patterns: ['debian-13-*-*'] })
  const both = [image, ...(await newestOf('debian-13'))]
  await wants(...both)
  await rules.delete('two')
  await wants(image)
  const requestId = randomUUID()
  const drop = admin.facilities.dropImage({ requestId, facility: name, image })
  await expect(drop).rejects.toMatchObject({ reason: 'WRONG_STATE', facts: { rules: 'one' } })
  await push(admin, name, image)
  await admin.facilities.dropImage({ requestId: randomUUID(), facility: name, image })
  await wants(image)
  await push(admin, name, image)
  await rules.delete('one')
  await wants(image)
})

test('what is kept for days is kept as long as the rule says now', async () => {
  const first = await build('debian-12')
  const { rules, wants } = await facility()
  const keep = { patterns: ['debian-12-*-*'], leaving: RULE_LEAVING_KEEP_DAYS, keepDays: 1 }
  await rules.put('some', keep)
  await wants(first)
  const second = await build('debian-12')
  await wants(first, second)
  await rules.put('some', { ...keep, leaving: RULE_LEAVING_KEEP, keepDays: 0 })
  while ((await rules.get('some'))?.selectTime === undefined);
  await timePasses(2 * dayMs)
  await othersSelected(rules)
  // Images are named by the day.
  lateMs = 0
  const third = await build('debian-12')
  await wants(first, second, third)
})

test('what is revoked or not shared any more goes from all rules, whenever these select', async () => {
  const image = await build('debian-12')
  const { rules, wants } = await facility()
  await rules.put('yearly', { patterns: ['debian-12-*-*'], cron: '0 3 1 1 *' })
  await timePasses(400 * dayMs)
  await wants(image)
  const request = { requestId: randomUUID(), name: image, reason: 'a hole', replacement: '' }
  await admin.images.revokeImage({ ...request, etag: '' })
  await wants()
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
  await othersSelected(rules)
  expect(await rules.get('nightly')).toMatchObject({ selectTime: undefined, imageCount: 0 })
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
  await othersSelected(rules)
  expect(await rules.get('late')).toMatchObject({ selectTime: undefined, imageCount: 0 })
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
