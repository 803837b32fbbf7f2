import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Catalogue } from '../lib/names/catalogue.ts'
import { indexImages } from '../lib/names/images.ts'
import { parseCatalogue } from '../lib/names/message.ts'
import { renderAliasName, renderImageName } from '../lib/names/name.ts'
import { resolve, type World } from '../lib/names/resolve.ts'
import { connect, openChannel, type Channel } from '../lib/rpc/connect.ts'
import { AliasServiceService, SetAliasRequest } from '../proto/gen/merge/image/v1/alias.ts'
import { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import {
  ResolveImageRequest,
  ResolverServiceService,
} from '../proto/gen/merge/image/v1/resolver.ts'
import { root } from '../testbed/program.ts'
import { startTestbed } from '../testbed/testbed.ts'
import { findTool, run } from './command.ts'
import { databaseOf, fill } from './fill.ts'
import { makeReferences, makeWorld, type BenchWorld } from './world.ts'

// How fast references resolve in a large world: in a process of its own, and over gRPC, one portal asked by one client.
// SECONDS says for how long, IN_FLIGHT how many calls are under way at a time.

const imageCount = 100_000
const aliasCount = 10_000
const seconds = Number(process.env['SECONDS'] ?? 15)
const inFlight = Number(process.env['IN_FLIGHT'] ?? 64)
const movesPerSecond = 10
const kinds = ['exact', 'alias', 'partial', 'constraint'] as const

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

type Row = readonly [what: string, figure: string]

/** The middle, the 99th of a hundred and the last, in milliseconds. */
function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(3)
  return `${at(0.5)} / ${at(0.99)} / ${at(1)}`
}

/** Those references that mean an image, of the kinds by turns. */
function meaningful(world: World, references: readonly string[]): readonly string[] {
  const now = new Date()
  return references.filter((reference) => {
    try {
      resolve(world, reference, { now })
      return true
    } catch {
      return false
    }
  })
}

function inProcess(world: World, references: readonly string[]): readonly Row[] {
  const now = new Date()
  const times = kinds.map((): number[] => [])
  for (let round = 0; round < 4; round++) {
    for (const [i, reference] of references.entries()) {
      const started = performance.now()
      try {
        resolve(world, reference, { now })
      } catch {
        // No image is an answer too, and takes its time.
      }
      if (round > 0) times[i % kinds.length]?.push(performance.now() - started)
    }
  }
  return [
    ['resolve in the process, all kinds', spread(times.flat())],
    ...kinds.map((kind, i): Row => [`… ${kind}`, spread(times[i] ?? [])]),
  ]
}

interface Asked {
  readonly seconds: number
  /** In microseconds. */
  readonly times: readonly number[]
}

/** Asks from a process of its own, on the other cores, and says how the portal kept up. */
async function overGrpc(
  when: string,
  address: string,
  file: string,
  pin: (core: string) => readonly string[],
): Promise<readonly Row[]> {
  const [command = '', ...args] = [
    ...pin(`1-${cpus().length - 1}`),
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(root, 'bench/asker.ts'),
    ...[address, file, String(inFlight), String(seconds)],
  ]
  const asked = JSON.parse(await run(command, args)) as Asked
  return [
    [
      `ResolveImage, calls a second, ${inFlight} in flight${when}`,
      (asked.times.length / asked.seconds).toFixed(0),
    ],
    [`ResolveImage, the time of a call${when}`, spread(asked.times.map((us) => us / 1000))],
  ]
}

/** Moves an alias some times a second, until that is enough. */
async function moveOn(channel: Channel, { images }: BenchWorld, enough: AbortSignal) {
  const aliases = connect(AliasServiceService, channel)
  const released = images.filter(({ state, name }) => state === 'released' && name.namespace === '')
  for (const { name } of released) {
    if (enough.aborted) return
    const image = renderImageName(name)
    await aliases.setAlias(
      SetAliasRequest.create({ requestId: randomUUID(), alias: 'moving-on', image }),
    )
    await setTimeout(1000 / movesPerSecond)
  }
}

/** How long a client waits for the answer to the first question after a change that it made. */
async function afterWrites(channel: Channel, { images }: BenchWorld): Promise<Row> {
  const aliases = connect(AliasServiceService, channel)
  const resolver = connect(ResolverServiceService, channel)
  const released = images.filter(({ state, name }) => state === 'released' && name.namespace === '')
  const times: number[] = []
  for (const { name } of released.slice(0, 300)) {
    const image = renderImageName(name)
    await aliases.setAlias(
      SetAliasRequest.create({ requestId: randomUUID(), alias: 'moving', image }),
    )
    const started = performance.now()
    const answer = await resolver.resolveImage(ResolveImageRequest.create({ reference: 'moving' }))
    times.push(performance.now() - started)
    if (answer.image?.name !== image) throw new Error('an acknowledged change was not seen')
  }
  return ['the first call after a change of one’s own', spread(times)]
}

function worldOf(catalogue: Catalogue, { images, aliases }: BenchWorld): World {
  const targets = new Map(aliases)
  return {
    catalogue,
    images: indexImages(images, catalogue),
    alias: (name) => targets.get(renderAliasName(name)),
  }
}

const taskset = cpus().length > 1 ? await findTool('taskset') : undefined
const pin = (core: string): string[] => (taskset === undefined ? [] : [taskset, '-c', core])

await using testbed = await startTestbed([], { insecure: true })
const { portalAddress, portal, folder } = testbed
using channel = openChannel(portalAddress, 'admin')
const catalogue = parseCatalogue(await connect(CatalogServiceService, channel).listDistros({}))
const content = makeWorld(catalogue, imageCount, aliasCount)
say(`writing ${imageCount} images and ${aliasCount} aliases into the portal's database …`)
await fill(await databaseOf(folder), content)
await portal.stop()
await testbed.restartPortal()

say('asking …')
const started = performance.now()
const first = ResolveImageRequest.create({ reference: 'ubuntu' })
await connect(ResolverServiceService, channel).resolveImage(first)
const loading: Row = ['the first call after a start', (performance.now() - started).toFixed(0)]

const world = worldOf(catalogue, content)
const references = makeReferences(content, catalogue, 20_000)
const rows: Row[] = [...inProcess(world, references), loading]
const file = join(folder, 'references')
writeFileSync(file, meaningful(world, references).join('\n'))
if (taskset !== undefined) {
  execFileSync(taskset, ['-a', '-c', '-p', '0', String(testbed.portal.process.pid)])
}
rows.push(...(await overGrpc('', portalAddress, file, pin)))
const enough = new AbortController()
const moves = moveOn(channel, content, enough.signal)
rows.push(...(await overGrpc(', while names change', portalAddress, file, pin)))
enough.abort()
await moves
rows.push(await afterWrites(channel, content))
rows.push(['most memory of the portal, MB', ((await testbed.portal.peakBytes()) / 1e6).toFixed(0)])

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
process.stdout.write(`Commit ${commit}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}.
${imageCount} images and ${aliasCount} aliases, references of four kinds by turns, spread over all of them. The portal's
process is ${taskset === undefined ? 'not pinned' : 'pinned to one core, the client to the others; PostgreSQL is free'}.

| what | ms: median / 99 of 100 / most |
|---|---|
${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join('\n')}
`)
