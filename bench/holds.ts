import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { parseCatalogue } from '../lib/names/message.ts'
import { renderImageName } from '../lib/names/name.ts'
import { connect, openChannel } from '../lib/rpc/connect.ts'
import { CatalogServiceService } from '../proto/gen/merge/image/v1/catalog.ts'
import {
  CreateHoldsRequest,
  HoldKind,
  HoldServiceService,
  ListHoldsRequest,
} from '../proto/gen/merge/image/v1/hold.ts'
import { startTestbed } from '../testbed/testbed.ts'
import { databaseOf, fill, fillHolds } from './fill.ts'
import { makeWorld } from './world.ts'

// How long calls about holds take among a million of them, over gRPC, one after another. Most holds were placed by one service, whose
// materializations come and go; a tenth have lapsed, seven tenths were released, and one image in a hundred has half of them all.

const imageCount = 10_000
const holdCount = 1_000_000
const perLink = 50
const rounds = 300
const service = 'producer:realize'

/** The middle, the 99th of a hundred and the last, in milliseconds. */
async function timed(call: (round: number) => Promise<unknown>): Promise<string> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const started = performance.now()
    await call(round)
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): string => (times[Math.floor((rounds - 1) * share)] ?? 0).toFixed(1)
  return `${at(0.5)} / ${at(0.99)} / ${at(1)}`
}

await using testbed = await startTestbed([], { insecure: true })
using admin = openChannel(testbed.portalAddress, 'admin')
using realize = openChannel(testbed.portalAddress, service)
const catalogue = parseCatalogue(await connect(CatalogServiceService, admin).listDistros({}))
const world = makeWorld(catalogue, imageCount, 1000)
const url = await databaseOf(testbed.folder)
await fill(url, world)
const names = world.images
  .filter(({ name }) => name.namespace === '')
  .map(({ name }) => renderImageName(name))
process.stderr.write(`writing ${holdCount} holds …\n`)
await fillHolds(url, names, { count: holdCount, perLink, service })

const holds = connect(HoldServiceService, realize)
const all = connect(HoldServiceService, admin)
const list = (filter: Partial<ListHoldsRequest>) => all.listHolds(ListHoldsRequest.create(filter))
const some = (round: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => names[(round * 997 + i * 31) % names.length] ?? '')
const linkOf = (round: number): string => `mtz/${(round * 61) % (holdCount / perLink)}`
const create = (round: number, count: number) =>
  holds.createHolds(
    CreateHoldsRequest.create({
      ...{ requestId: randomUUID(), images: some(round, count), reason: 'bench' },
      ...{ kind: HoldKind.HOLD_KIND_MATERIALIZATION, link: `new/${count}/${round}` },
    }),
  )
const release = (link: string) =>
  holds.releaseHolds({ requestId: randomUUID(), which: { $case: 'link', value: link } })
const holders = (image = '') => all.listHolders({ image, pageSize: 0, pageToken: '' })

const rows: (readonly [what: string, figure: string])[] = [
  ['ListHolds, the newest', await timed(() => list({}))],
  ['… of an image', await timed((round) => list({ image: names[round] ?? '' }))],
  [
    '… of an image, ended ones too',
    await timed((round) => list({ image: names[round] ?? '', endedToo: true })),
  ],
  ['… of an owner who has four fifths of them', await timed(() => list({ owner: service }))],
  ['… of another owner', await timed((round) => list({ owner: `experimenter:u${round}` }))],
  ['… of a kind, all lapsed', await timed(() => list({ kind: HoldKind.HOLD_KIND_PERSON }))],
  ['… under a link', await timed((round) => list({ link: linkOf(round) }))],
  [
    'ListHolders of an image with 5,000 holds, 2,000 of them active',
    await timed((round) => holders(names[round % (names.length / 100)])),
  ],
  ['… of another image', await timed((round) => holders(names[1000 + round]))],
  ['CreateHolds of 1 image', await timed((round) => create(round, 1))],
  [`… of ${perLink} images`, await timed((round) => create(round, perLink))],
  [
    `ReleaseHolds by link, of ${perLink} holds`,
    await timed((round) => release(`new/${perLink}/${round}`)),
  ],
  ['… of old ones', await timed((round) => release(linkOf(round)))],
]
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
process.stdout.write(`Commit ${commit}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}.
${holdCount} holds of ${names.length} images, ${rounds} calls of each kind, one after another, over gRPC.

| what | ms: median / 99 of 100 / most |
|---|---|
${rows.map(([what, figure]) => `| ${what} | ${figure} |`).join('\n')}
`)
