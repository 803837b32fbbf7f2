import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { parseCatalogue } from '../lib/names/message.ts'
import { connect, openChannel } from '../lib/rpc/connect.ts'
import { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import { RetentionServiceService } from '../proto/gen/merge/image/v1/retention.ts'
import { startTestbed } from '../testbed/testbed.ts'
import { databaseOf, fill, fillRetention } from './fill.ts'
import { makeWorld } from './world.ts'

// How long a plan takes in a large world, over gRPC, and how much memory the portal's process has taken at most.

const imageCount = 100_000
const aliasCount = 10_000
const world = { holds: 1_000_000, policies: 1_000, chunks: 20 }
const rounds = Number(process.env['ROUNDS'] ?? 3)

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [seconds: string, answer: T]> {
  const started = performance.now()
  const answer = await work()
  return [((performance.now() - started) / 1000).toFixed(1), answer]
}

await using testbed = await startTestbed([], { insecure: true })
const { portalAddress, portal, folder } = testbed
using channel = openChannel(portalAddress, 'admin')
const catalogue = parseCatalogue(await connect(CatalogServiceService, channel).listDistros({}))
const url = await databaseOf(folder)
say(`writing ${imageCount} images, ${world.holds} holds and ${world.policies} policies …`)
await fill(url, makeWorld(catalogue, imageCount, aliasCount))
await fillRetention(url, world)
await portal.stop()
await testbed.restartPortal()

const retention = connect(RetentionServiceService, channel)
const plan = (pattern = '') =>
  retention.planRetention({ requestId: randomUUID(), pattern }, { deadlineMs: 300_000 })
const times: string[] = []
let counts = ''
let example = ''
for (let round = 0; round < rounds; round++) {
  say(`planning, round ${round + 1} …`)
  const [seconds, { run }] = await timed(() => plan())
  times.push(seconds)
  counts = `keeps ${run?.keepCount}, archives ${run?.archiveCount}, expires ${run?.expireCount}`
  const page = { pageSize: 1, pageToken: '', action: 3, run: run?.id ?? '' } as const
  example = (await retention.listRunItems(page)).items[0]?.image ?? ''
}
const [one] = await timed(() => plan('debian-13-std-x86'))
const [explained] = await timed(() => retention.explainRetention({ image: example }))
const most = ((await testbed.portal.peakBytes()) / 1e6).toFixed(0)
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
process.stdout.write(`Commit ${commit}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}.
${imageCount} images, ${world.holds} holds, ${world.policies} policies, ${imageCount * world.chunks} chunks named; a plan ${counts}.

| what | figure |
|---|---|
| PlanRetention, all lines, seconds | ${times.join(', ')} |
| … of one line | ${one} |
| ExplainRetention, seconds | ${explained} |
| most memory of the portal, MB | ${most} |
`)
