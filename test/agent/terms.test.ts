import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { ReplicaState, type Replica } from '../../proto/gen/merge/image/v1/facility.ts'
import { RulePeers } from '../../proto/gen/merge/image/v1/rule.ts'
import { freshAgent, pull, type FreshAgent } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal, type Clients } from '../support/portal.ts'
import { ruleCalls } from '../support/rules.ts'

const { REPLICA_STATE_PRESENT, REPLICA_STATE_WAITING, REPLICA_STATE_FETCHING } = ReplicaState
const { RULE_PEERS_FIRST, RULE_PEERS_LAST, RULE_PEERS_ONLY } = RulePeers

const bytes = 8_000_000
const bothLines = ['debian-13-std-x86', 'alma-9-std-x86']

let portal: Awaited<ReturnType<typeof freshPortal>>
let admin: Clients
let [debian, alma] = ['', '']
let facilities = 0
let facility = ''

beforeAll(async () => {
  portal = await freshPortal()
  admin = portal.as('admin')
  debian = await publish(portal.as('producer'), 'debian-13', randomBytes(bytes))
  alma = await publish(portal.as('producer'), 'alma-9', randomBytes(bytes))
})

afterAll(() => portal[Symbol.asyncDispose]())

beforeEach(async () => {
  facility = `lab${++facilities}`
  await makeFacilities(admin, facility)
})

const rules = () => ruleCalls(portal.as(`manager:${facility}`), facility)

/** How an image stands at the agent, once it stands so. */
async function standing(
  { local }: FreshAgent,
  image: string,
  isSo: (replica: Replica) => boolean,
): Promise<Replica> {
  for (const signal = AbortSignal.timeout(20_000); ;) {
    const { images } = await local.listLocal({}, { signal })
    const replica = images.find((one) => one.replica?.image === image)?.replica
    if (replica !== undefined && isSo(replica)) return replica
  }
}

const isHere = ({ state }: Replica): boolean => state === REPLICA_STATE_PRESENT
const waits = ({ state, error }: Replica): boolean =>
  state === REPLICA_STATE_WAITING && error !== ''

describe('an image', () => {
  test('waits for the hours of its rule while another goes, and comes with them', async () => {
    let now = new Date('2026-11-24T19:00Z')
    await using agent = await freshAgent(portal, facility, { now: () => now })
    // 22:00 in Berlin is 21:00 UTC in winter.
    const hours = { windows: ['22:00-06:00'], timeZone: 'Europe/Berlin' }
    await rules().put('nightly', { patterns: ['debian-13-std-x86'], priority: 50, ...hours })
    const waiting = await standing(agent, debian, waits)
    expect(waiting).toMatchObject({
      error: 'waits for 21:00 UTC, as the sync rule nightly says',
      nextTime: new Date('2026-11-24T21:00Z'),
    })
    await rules().put('now', { patterns: ['alma-9-std-x86'] })
    await standing(agent, alma, isHere)
    expect(await standing(agent, debian, waits)).toEqual(waiting)
    now = new Date('2026-11-24T21:00Z')
    await standing(agent, debian, isHere)
  })

  test('that two rules want comes as soon as one of them lets it, and what is pushed at once', async () => {
    const now = new Date('2026-11-24T19:00Z')
    await using agent = await freshAgent(portal, facility, { now: () => now })
    await rules().put('nightly', { patterns: bothLines, windows: ['22:00-06:00'] })
    await standing(agent, debian, waits)
    await rules().put('evening', {
      patterns: ['debian-13-std-x86'],
      windows: ['18:30-20:00'],
    })
    await standing(agent, debian, isHere)
    await standing(agent, alma, waits)
    await pull(agent, alma)
  })

  test('whose hours end on its way is left, says so, and goes on where it was', async () => {
    let now = new Date('2026-11-24T22:30Z')
    await using agent = await freshAgent(portal, facility, { now: () => now })
    const nightly = { patterns: ['debian-13-std-x86'], windows: ['22:00-06:00'] }
    await rules().put('nightly', { ...nightly, rate: 100_000n })
    const comes = ({ state, portalBytes }: Replica): boolean =>
      state === REPLICA_STATE_FETCHING && portalBytes > 0n
    await standing(agent, debian, comes)
    now = new Date('2026-11-25T06:00Z')
    const left = await standing(agent, debian, waits)
    expect(left.error).toBe('waits for 22:00 UTC, as the sync rule nightly says')
    expect(left.portalBytes).toBeLessThan(bytes)
    await rules().put('nightly', nightly)
    now = new Date('2026-11-25T22:00Z')
    const rest = await standing(agent, debian, isHere)
    expect(rest.portalBytes).toBeGreaterThan(0)
    expect(left.portalBytes + rest.portalBytes).toBeLessThan(bytes * 1.1)
  })

  test('comes at the rate of its rule, and makes way for what no rate binds', async () => {
    await using agent = await freshAgent(portal, facility)
    const slowly = { patterns: ['debian-13-std-x86'], rate: 50_000n }
    await rules().put('slowly', slowly)
    await standing(agent, debian, ({ portalBytes }) => portalBytes > 0n)
    await pull(agent, alma)
    expect(isHere(await standing(agent, debian, () => true))).toBe(false)
    const began = performance.now()
    const rate = 4_000_000n
    await rules().put('slowly', { ...slowly, rate })
    const { portalBytes } = await standing(agent, debian, isHere)
    expect(portalBytes).toBeGreaterThan(0)
    const seconds = (performance.now() - began) / 1000
    // What a pause may make up for is a quarter of a second.
    expect(Number(portalBytes) / Number(rate)).toBeLessThan(seconds + 0.25)
  })
})

describe('where another facility has it, an image comes', () => {
  const lab = 'holder'
  let holder: FreshAgent

  beforeAll(async () => {
    await makeFacilities(admin, lab)
    holder = await freshAgent(portal, lab)
    await pull(holder, debian)
    // The portal has heard of it once it says so itself.
    const isTold = async (): Promise<boolean> => {
      const { replica } = await admin.facilities.explainReplica({ image: debian, facility: lab })
      return replica?.state === REPLICA_STATE_PRESENT
    }
    while (!(await isTold()));
  })

  afterAll(async () => {
    await holder[Symbol.asyncDispose]()
  })

  test.each<[string, RulePeers, boolean]>([
    ['from there, where peers come first', RULE_PEERS_FIRST, false],
    ['from the portal, where that comes first', RULE_PEERS_LAST, true],
    ['from there, where nothing else may be asked', RULE_PEERS_ONLY, false],
  ])('%s', async (_, peers, isFromPortal) => {
    await using agent = await freshAgent(portal, facility)
    await rules().put('all', { patterns: ['debian-13-std-x86'], peers })
    const { peerBytes, portalBytes } = await standing(agent, debian, isHere)
    const given = isFromPortal ? portalBytes : peerBytes
    expect({ given, all: peerBytes + portalBytes }).toEqual({ given, all: given })
    expect(given).toBeGreaterThan(bytes / 2)
  })

  test('of which none has it, not at all where nothing else may be asked, and from there once one has', async () => {
    // No agent of a test before has had it.
    const fedora = await publish(portal.as('producer'), 'fedora-43', randomBytes(100_000))
    await using agent = await freshAgent(portal, facility)
    await rules().put('near', { patterns: ['fedora-43-std-x86'], peers: RULE_PEERS_ONLY })
    const waiting = await standing(agent, fedora, waits)
    expect(waiting.error).toBe(
      'waits until another facility has it whole, as the sync rule near says',
    )
    const { message } = await admin.facilities.explainReplica({ image: fedora, facility })
    expect(message).toContain('It comes from other facilities alone, and none has it whole.')
    await pull(holder, fedora)
    expect(await standing(agent, fedora, isHere)).toMatchObject({ portalBytes: 0n })
  })
})
