import { connect } from '../lib/rpc/connect.ts'
import {
  LocalServiceService,
  type LocalImage,
  type SourceStatus,
  type StatusResponse,
  type StoreStatus,
} from '../proto/gen/merge/image/v1/local.ts'
import {
  IntegrityServiceService,
  type GetIntegrityResponse,
} from '../proto/gen/merge/image/v1/integrity.ts'
import { ResolveRule } from '../proto/gen/merge/image/v1/resolver.ts'
import { command, type Paint } from './command.ts'
import { replicaCells, replicaHeadings } from './facilities.ts'
import { present } from './find.ts'
import { integrityLine } from './integrity.ts'
import { imageJson, localJson } from './json.ts'
import { facts, listed } from './table.ts'
import { bytes, counted, plain, share, time } from './units.ts'
import { word } from './words.ts'

const status = command({
  verb: 'status',
  summary: 'say how the agent stands: its portal, images and peers',
  arguments: [],
  flags: {},
  examples: ['status', 'status --json'],
  async run({ channel, signal }) {
    const [answer, integrity] = await Promise.all([
      connect(LocalServiceService, channel).status({}, { signal }),
      connect(IntegrityServiceService, channel).getIntegrity({}, { signal }),
    ])
    return {
      json: { ...answer, integrity },
      text: (paint) => statusText(paint, answer, integrity),
    }
  },
})

const list = command({
  verb: 'list',
  object: 'images',
  summary: 'list the images that are here or wanted here',
  arguments: [],
  flags: {},
  examples: ['list', 'list --json'],
  async run({ channel, signal }) {
    const { images } = await connect(LocalServiceService, channel).listLocal({}, { signal })
    return listed('images', images, localJson, [...replicaHeadings, '>Stored'], localCells)
  },
})

const resolve = command({
  verb: 'resolve',
  object: 'image',
  summary: 'say which of the images that are here a reference means',
  arguments: ['REF'],
  flags: {},
  about: 'It works while the portal cannot be reached: the agent knows the names of its images.',
  examples: ['resolve fedora'],
  async run({ channel, signal, note }, [reference]) {
    const local = connect(LocalServiceService, channel)
    const answer = await local.resolveLocal({ reference }, { signal })
    for (const { message } of answer.warnings) note(`warning: ${plain(message)}`)
    const image = present(answer.image)
    const rule = word(ResolveRule, answer.rule)
    const text = (paint: Paint): string =>
      `${paint('bold', image.name)}\n\n` +
      facts(paint, [
        ['System', plain(image.displayName)],
        ['Digest', image.digest],
        ['Read as', rule],
      ])
    return { json: { ...answer, image: imageJson(image), rule }, text }
  },
})

export const localCommands = [status, list, resolve]

function statusText(paint: Paint, answer: StatusResponse, integrity: GetIntegrityResponse): string {
  const { connected, error, wantedCount, presentCount } = answer
  const portal = connected ? paint('green', 'connected') : paint('red', 'not connected')
  const why = connected || error === '' ? '' : `: ${plain(error)}`
  const waits =
    answer.fetchTime === undefined ? '' : `; fetching waits for ${time(answer.fetchTime)}`
  return facts(paint, [
    ['Facility', paint('bold', answer.facility)],
    ['Portal', `${answer.portalAddress}, ${portal}${why}`],
    ['Images', `${presentCount} of ${wantedCount} wanted are here${waits}`],
    ['Generation', `${answer.appliedGeneration} of ${answer.desiredGeneration} carried out`],
    ['Stored', bytes(answer.storedBytes)],
    ...storeFacts(answer.store),
    ['Integrity', integrityLine(paint, integrity)],
    ['Peers at', answer.peerAddress || '-'],
    ['Sent to peers', bytes(answer.servedBytes)],
    ...answer.sources.map((source) => [`From ${source.name}`, sourceText(paint, source)] as const),
  ])
}

function storeFacts(store: StoreStatus | undefined): readonly (readonly [string, string])[] {
  if (store === undefined) return []
  const { usedBytes, mostBytes, diskUsedBytes, diskBytes, evictableCount, evictableBytes } = store
  const marks = `lets go above ${store.abovePercent} %, down to ${store.belowPercent} %`
  const most = mostBytes === 0n ? [] : [`${share(usedBytes, mostBytes)} of ${bytes(mostBytes)}`]
  const room = [...most, `disk ${share(diskUsedBytes, diskBytes)} of ${bytes(diskBytes)}`, marks]
  const could = `${counted(evictableCount, 'image')}, ${bytes(evictableBytes)} each counted whole`
  return [
    ['Room', room.join('; ')],
    ['Could go', evictableCount === 0 ? 'nothing' : could],
  ]
}

function sourceText(paint: Paint, { bytesPerSecond, restingUntil, reason }: SourceStatus): string {
  const speed = bytesPerSecond === 0n ? 'not measured lately' : `${bytes(bytesPerSecond)}/s`
  if (restingUntil === undefined) return speed
  return `${paint('red', `sits out until ${time(restingUntil)}`)}: ${plain(reason)}`
}

function localCells({ image, replica }: LocalImage, paint: Paint): readonly string[] {
  return [...replicaCells(present(replica), paint).slice(0, 6), bytes(present(image).storedBytes)]
}
