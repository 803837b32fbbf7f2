import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ImageFilter } from '../../../proto/gen/merge/image/v1/image.ts'
import { everyEvent } from '../../support/events.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { publish } from '../../support/images.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { ruleCalls, wanted } from '../../support/rules.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
let producer: Clients
let [first, second] = ['', '']

beforeAll(async () => {
  portal = await freshPortal()
  producer = portal.as('producer')
  first = await publish(producer, 'debian-12', randomBytes(100))
  second = await publish(producer, 'debian-13', randomBytes(100))
})

afterAll(() => portal[Symbol.asyncDispose]())

const label = async (name: string, set: Record<string, string>, ...remove: string[]) => {
  const { image } = await producer.images.labelImage({ requestId: randomUUID(), name, set, remove })
  return image?.labels
}

async function listed(...labels: string[]): Promise<readonly string[]> {
  const filter = ImageFilter.create({ labels })
  const { images } = await producer.images.listImages({ pageSize: 0, pageToken: '', filter })
  return images.map(({ name }) => name)
}

test('labels are set and removed one by one, and neither digest nor etag changes with them', async () => {
  const before = (await producer.images.getImage({ name: first })).image
  expect(await label(first, { team: 'net', tier: 'gold' })).toEqual({ team: 'net', tier: 'gold' })
  expect(await label(first, { team: 'os' }, 'tier', 'unknown')).toEqual({ team: 'os' })
  const after = (await producer.images.getImage({ name: first })).image
  expect(after).toEqual({ ...before, labels: { team: 'os' } })
  await label(first, {}, 'team')
})

test('each change is in the audit log, and a request takes effect once', async () => {
  const request = { requestId: randomUUID(), name: first, set: { team: 'net' }, remove: [] }
  await producer.images.labelImage(request)
  await label(first, { team: 'os' })
  // Asked again it answers as then, and changes nothing.
  expect((await producer.images.labelImage(request)).image?.labels).toEqual({ team: 'net' })
  expect((await producer.images.getImage({ name: first })).image?.labels).toEqual({ team: 'os' })
  const events = await everyEvent(portal.as('admin'), { method: 'LabelImage' })
  expect(events.filter(({ requestId }) => requestId === request.requestId)).toHaveLength(1)
  await label(first, {}, 'team')
})

test('lists are of those with all the labels that are asked for', async () => {
  await label(first, { team: 'net', tier: 'gold' })
  await label(second, { team: 'net' })
  expect(await listed()).toEqual([second, first])
  expect(await listed('team=net')).toEqual([second, first])
  expect(await listed('team=net', 'tier')).toEqual([first])
  expect(await listed('!tier')).toEqual([second])
  expect(await listed('team=net', 'team=os')).toEqual([])
  await expect(listed('a b')).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
  await label(first, {}, 'team', 'tier')
  await label(second, {}, 'team')
})

test.each<[string, Record<string, string>, string[]]>([
  ['no change', {}, []],
  ['no key', { 'a b': 'c' }, []],
  ['no value', { a: 'b c' }, []],
  ['a key twice', { a: 'b' }, ['a']],
])('%s is refused', async (_, set, remove) => {
  await expect(label(first, set, ...remove)).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
})

test('an image has 32 labels at most, whenever they came', async () => {
  const some = (from: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${from + i}`, '']))
  await label(second, some(0, 31))
  await expect(label(second, some(31, 2))).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
  await label(second, some(31, 2), 'k0')
  await label(second, {}, ...Object.keys(some(1, 32)))
})

test('a rule selects what has its labels, and lets it go without them', async () => {
  await makeFacilities(portal.as('admin'), 'lab1')
  const rules = ruleCalls(portal.as('manager:lab1'), 'lab1')
  await rules.put('labelled', { patterns: ['debian-*-*-*'], labels: ['team=net', '!old'] })
  await label(first, { team: 'net' })
  await wanted(portal.as('agent:lab1'), 'lab1', [first])
  await label(second, { team: 'net' })
  await wanted(portal.as('agent:lab1'), 'lab1', [first, second])
  await label(first, { old: '' })
  await wanted(portal.as('agent:lab1'), 'lab1', [second])
  const { message } = await portal
    .as('admin')
    .facilities.explainReplica({ facility: 'lab1', image: first })
  expect(message).toContain('does not select it: its labels do not fit !old')
  await rules.delete('labelled')
  await label(first, {}, 'team', 'old')
  await label(second, {}, 'team')
})

test('the newest of a line are for a rule the newest of those that have its labels', async () => {
  const third = await publish(producer, 'debian-13', randomBytes(100))
  const rules = ruleCalls(portal.as('manager:lab1'), 'lab1')
  await label(second, { tier: 'gold' })
  await rules.put('gold', { patterns: ['debian-*-*-*'], labels: ['tier=gold'] })
  await wanted(portal.as('agent:lab1'), 'lab1', [second])
  const explain = { facility: 'lab1', image: second }
  const { message } = await portal.as('admin').facilities.explainReplica(explain)
  expect(message).toContain('The sync rule gold selects it: the newest of its line.')
  const { images } = await rules.preview({ rule: { labels: ['!tier'], newest: 9 } })
  expect(images.map(({ image }) => image)).toEqual([first, third])
  await label(third, { tier: 'gold' })
  await wanted(portal.as('agent:lab1'), 'lab1', [third])
})
