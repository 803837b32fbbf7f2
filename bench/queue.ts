import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { connect, openChannel } from '../lib/rpc/connect.ts'
import {
  BuildServiceService,
  ClaimBuildRequest,
  RunBuildRequest,
} from '../proto/gen/merge/image/v1/build.ts'
import { PutRecipeRequest } from '../proto/gen/merge/image/v1/recipe.ts'
import { BuilderKind } from '../proto/gen/merge/image/v1/recipe.ts'
import { startTestbed } from '../testbed/testbed.ts'
import { databaseOf, transactionsOf } from './fill.ts'

// What builds that log cost the portal while many builders wait for work: CLAIMERS (200) that wait, BUILDS (20) that log
// PARTS (10) parts a second each, and one who watches each of them.

const claimers = Number(process.env['CLAIMERS'] ?? 200)
const builds = Number(process.env['BUILDS'] ?? 20)
const partsPerSecond = Number(process.env['PARTS'] ?? 10)
const seconds = Number(process.env['SECONDS'] ?? 15)
const ticksPerSecond = 100

const recipe = `line: debian-13-std-x86
builder: mmdebstrap
suites: [trixie]
size: 2G
`

await using testbed = await startTestbed([], { insecure: true })
const { portalAddress, portal, folder } = testbed
const over = new AbortController()
const { signal } = over
using people = openChannel(portalAddress, 'producer')
using workers = openChannel(portalAddress, 'agent:portal')
const asked = connect(BuildServiceService, people)
const working = connect(BuildServiceService, workers)

const claimOf = (worker: string, kind: BuilderKind, waitSeconds: number): ClaimBuildRequest =>
  ClaimBuildRequest.create({
    ...{ facility: 'portal', claim: randomUUID(), worker, kinds: [kind], archs: ['x86'] },
    waitSeconds,
  })

/** Some that wait for what never comes, over a connection of their own: one takes a hundred calls at a time. */
async function waitTogether(names: readonly string[]): Promise<void> {
  using channel = openChannel(portalAddress, 'agent:portal')
  const idle = connect(BuildServiceService, channel)
  const wait = async (worker: string): Promise<void> => {
    while (!signal.aborted) {
      await idle.claimBuild(claimOf(worker, BuilderKind.BUILDER_KIND_DNF, 60), { signal })
    }
  }
  await Promise.all(names.map(wait))
}

let sent = 0
let seen = 0

/** A part now, and each other one when its time has come, however long a call takes. */
async function work(claim: string): Promise<void> {
  const data = Buffer.from(`${'.'.repeat(99)}\n`)
  const started = performance.now()
  for (let i = 0; !signal.aborted; i++) {
    await working.appendBuildLog({ claim, offset: BigInt(i * data.length), data }, { signal })
    sent++
    const due = started + ((i + 1) * 1000) / partsPerSecond
    await setTimeout(Math.max(0, due - performance.now()))
  }
}

async function watch(name: string): Promise<void> {
  for await (const { log } of asked.watchBuild({ name, logOffset: 0n }, { signal })) {
    if (log.length > 0) seen++
  }
}

const database = await databaseOf(folder)

async function figures() {
  const stat = await readFile(`/proc/${portal.process.pid}/stat`, 'utf8')
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')'))
    .split(' ')
    .slice(12, 14)
    .map(Number)
  return {
    cpu: (user + system) / ticksPerSecond,
    transactions: await transactionsOf(database),
    sent,
    seen,
  }
}

await asked.putRecipe(PutRecipeRequest.create({ name: 'std', text: recipe }))
const under: Promise<void>[] = []
for (let i = 0; i < builds; i++) {
  const { build } = await asked.runBuild(RunBuildRequest.create({ recipe: 'std' }))
  const claim = claimOf(`w${i}`, BuilderKind.BUILDER_KIND_MMDEBSTRAP, 0)
  await working.claimBuild(claim)
  under.push(work(claim.claim), watch(build?.name ?? ''))
}
const idle = Array.from({ length: claimers }, (_, i) => `idle${i}`)
for (let i = 0; i < claimers; i += 50) under.push(waitTogether(idle.slice(i, i + 50)))
await setTimeout(3000)
const before = await figures()
await setTimeout(seconds * 1000)
const after = await figures()
over.abort()
await Promise.allSettled(under)

const rate = (of: keyof typeof before): string => ((after[of] - before[of]) / seconds).toFixed(2)
process.stdout
  .write(`${claimers} claimers wait, ${builds} builds log ${partsPerSecond} parts a second, each is watched; a second:

| parts taken | parts seen | transactions | CPU of the portal, s |
|---|---|---|---|
| ${rate('sent')} | ${rate('seen')} | ${rate('transactions')} | ${rate('cpu')} |
`)
