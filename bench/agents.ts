import { randomFillSync, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { connect, openChannel } from '../lib/rpc/connect.ts'
import { AgentServiceService, ReportStateRequest } from '../proto/gen/merge/image/v1/agent.ts'
import {
  FacilityServiceService,
  Replica,
  ReplicaState,
} from '../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { SyncRule, SyncRuleServiceService } from '../proto/gen/merge/image/v1/rule.ts'
import { startTestbed } from '../testbed/testbed.ts'

// How long a release takes to reach AGENTS (1000) simulated agents, each over a connection of its own with a rule of its own, as
// the state that it should hold; ROUNDS (5) releases. Each agent reports that it fetches, and a moment later that it has it.

const agentCount = Number(process.env['AGENTS'] ?? 1000)
const rounds = Number(process.env['ROUNDS'] ?? 5)
const wantedMs = 5000
const inFlight = 32

await using testbed = await startTestbed([], { insecure: true })
const { portalAddress, portal, folder } = testbed
const over = new AbortController()
const { signal } = over
using admin = openChannel(portalAddress, 'admin')
const facilities = connect(FacilityServiceService, admin)
const rules = connect(SyncRuleServiceService, admin)
const images = connect(ImageServiceService, admin)
const requestId = (): string => randomUUID()

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Does the work for each, some at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values()
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

const names = Array.from({ length: agentCount }, (_, i) => `lab${i + 1}`)
let messages = 0
let heard = new Map<string, number>()
let expected = ''

/** An agent that fetches nothing, and says that it did. */
async function simulate(facility: string, at: number): Promise<void> {
  using channel = openChannel(portalAddress, `agent:${facility}`)
  const agents = connect(AgentServiceService, channel)
  const peerAddress = `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}:7411`
  const here = new Set<string>()
  const report = (state: ReplicaState, name: string) =>
    agents.reportState(
      ReportStateRequest.create({
        ...{ facility, peerAddress },
        replicas: [
          ...[...here].map((image) =>
            Replica.create({ image, state: ReplicaState.REPLICA_STATE_PRESENT }),
          ),
          ...(name === '' ? [] : [Replica.create({ image: name, state })]),
        ],
      }),
    )
  const fetch = async (name: string): Promise<void> => {
    await report(ReplicaState.REPLICA_STATE_FETCHING, name)
    await setTimeout(1000 + Math.random() * 4000)
    here.add(name)
    await report(ReplicaState.REPLICA_STATE_PRESENT, '')
  }
  await report(ReplicaState.REPLICA_STATE_WAITING, '')
  const seen = new Set<string>()
  for await (const { images: desired } of agents.watchDesiredState({ facility }, { signal })) {
    messages++
    for (const { image } of desired) {
      const name = image?.name ?? ''
      if (name === expected && !heard.has(facility)) heard.set(facility, performance.now())
      if (seen.has(name)) continue
      seen.add(name)
      void fetch(name).catch(() => undefined)
    }
    if (expected === '' && !heard.has(facility)) heard.set(facility, performance.now())
  }
}

async function allHeard(withinMs: number): Promise<void> {
  const until = performance.now() + withinMs
  while (heard.size < agentCount && performance.now() < until) await setTimeout(10)
  if (heard.size < agentCount) throw new Error(`${heard.size} of ${agentCount} agents heard of it`)
}

await each(names, (name) =>
  facilities.createFacility({ requestId: requestId(), name, displayName: '', arch: '' }),
)
await each(names, (facility) =>
  rules.putSyncRule({
    ...{ requestId: requestId(), etag: '' },
    rule: SyncRule.create({ facility, name: 'std', patterns: ['debian-*-std-x86'], newest: 1 }),
  }),
)
say(`${agentCount} facilities, each with a rule`)
const simulated = names.map((name, i) => simulate(name, i).catch(() => undefined))
await allHeard(120_000)
say('all watch')

const times: number[] = []
const middles: number[] = []
for (let round = 0; round < rounds; round++) {
  const file = join(folder, 'disk.raw')
  writeFileSync(file, randomFillSync(Buffer.alloc(100_000)))
  const made = await testbed.mrg<{ image: { name: string } }>(
    'publish',
    file,
    '--as',
    'debian-13',
    '--candidate',
  )
  await setTimeout(3000)
  const before = messages
  heard = new Map()
  expected = made.image.name
  const started = performance.now()
  await images.releaseImage({ requestId: requestId(), name: expected, etag: '', reason: '' })
  await allHeard(120_000)
  const seconds = [...heard.values()].map((at) => (at - started) / 1000).toSorted((a, b) => a - b)
  const [middle = 0, last = 0] = [seconds[agentCount >> 1], seconds.at(-1)]
  times.push(last)
  middles.push(middle)
  // Until all have reported that they have it, and what comes of that has been told.
  await setTimeout(8000)
  say(
    `release ${round + 1}: half of the agents after ${middle.toFixed(2)} s, all after ${last.toFixed(2)} s, ${messages - before} messages`,
  )
}
over.abort()
await Promise.all(simulated)
const peak = ((await portal.peakBytes()) / 1e6).toFixed(0)
const list = (some: readonly number[]): string => some.map((value) => value.toFixed(2)).join(', ')
process.stdout.write(
  `| a release to ${agentCount} agents: half of them, s | all of them, s | most memory of the portal, MB |\n|---|---|---|\n` +
    `| ${list(middles)} | ${list(times)} | ${peak} |\n`,
)
if (Math.max(...times) * 1000 > wantedMs) say(`wanted: all within ${wantedMs / 1000} s`)
