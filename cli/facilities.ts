import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  FacilityServiceService,
  ReplicaState,
  type Facility,
  type Replica,
} from '../proto/gen/merge/image/v1/facility.ts'
import { command, type Context, type Paint } from './command.ts'
import { everyItem, exactName, present } from './find.ts'
import { parseMoment } from './moment.ts'
import { replicaJson } from './json.ts'
import { coloured, facts, listed, rowsOf } from './table.ts'
import { bytes, counted, plain, share, time } from './units.ts'
import { word } from './words.ts'

const create = command({
  verb: 'new',
  object: 'facility',
  summary: 'make a facility known to the portal',
  arguments: ['NAME'],
  flags: {
    'display-name': { value: 'TEXT', about: 'its name for people' },
    arch: { value: 'ARCH', about: 'the architecture of its machines' },
  },
  examples: ["new facility lab1 --display-name 'First laboratory' --arch x86"],
  async run(context, [name], { 'display-name': displayName = '', arch = '' }) {
    const request = { requestId: context.newId(), name, displayName, arch }
    const answer = await facilities(context).createFacility(request, { signal: context.signal })
    const facility = present(answer.facility)
    return { json: facility, text: () => `${facility.name} is known to the portal.` }
  },
})

const list = command({
  verb: 'list',
  object: 'facilities',
  summary: 'list the facilities, and how far each holds what it should',
  arguments: [],
  flags: {},
  examples: ['list facilities', 'li fac --json'],
  async run(context) {
    const found = await everyItem(
      (page) => facilities(context).listFacilities(page, { signal: context.signal }),
      (page) => page.facilities,
    )
    return listed('facilities', found, (facility) => facility, headings, facilityCells)
  },
})

const show = command({
  verb: 'show',
  object: 'facility',
  summary: 'show a facility and the images that it should hold',
  arguments: ['NAME'],
  flags: {},
  examples: ['show facility lab1'],
  async run(context, [name]) {
    const { signal } = context
    const answer = await facilities(context).getFacility({ name }, { signal })
    const replicas = await everyItem(
      (page) => facilities(context).listReplicas({ ...page, facility: name }, { signal }),
      (page) => page.replicas,
    )
    const facility = present(answer.facility)
    const json = { ...facility, replicas: replicas.map(replicaJson) }
    return { json, text: (paint) => facilityText(paint, facility, replicas) }
  },
})

interface Pushed extends Facility {
  readonly expectedTime: Date | undefined
  readonly message: string
}

const push = command({
  verb: 'push',
  object: 'image',
  summary: 'have facilities hold an image; their agents fetch it',
  arguments: ['IMAGE', 'FACILITY...'],
  flags: { by: { value: 'TIME', about: 'by when it is to be there: 2026-06-15T12:00, UTC' } },
  examples: [
    'push fedora lab1',
    'push debian-13.1-std-x86-20260615 lab1 lab2',
    'push debian lab1 --by 2026-06-15T12:00',
  ],
  async run(context, [reference, ...names], { by }) {
    const byTime = by === undefined ? undefined : parseMoment('--by', by, 'mrg-image push --help')
    const image = await exactName(context, reference)
    const pushed: Pushed[] = []
    for (const facility of names) {
      const request = { requestId: context.newId(), image, facility, byTime }
      const answer = await facilities(context).pushImage(request, { signal: context.signal })
      const { expectedTime, message } = answer
      pushed.push({ ...present(answer.facility), expectedTime, message })
    }
    const told = pushed.map((facility) => pushedText(image, facility, byTime !== undefined))
    return { json: { image, facilities: pushed }, text: () => told.join('\n') }
  },
})

/** When it will be there is said where somebody can tell; that nobody can, where somebody asked. */
function pushedText(image: string, facility: Pushed, isAsked: boolean): string {
  const { name, presentCount, wantedCount, expectedTime, message } = facility
  const wanted = `${image} is wanted at ${name}, which holds ${presentCount} of ${wantedCount} images.`
  const isTold = message !== '' && (isAsked || expectedTime !== undefined)
  return isTold ? `${wanted} ${plain(message)}` : wanted
}

const drop = command({
  verb: 'drop',
  object: 'image',
  summary: 'have facilities hold an image no longer; they keep it until they need the room',
  arguments: ['IMAGE', 'FACILITY...'],
  flags: {},
  examples: ['drop debian-13.1-std-x86-20260615 lab1 lab2'],
  async run(context, [reference, ...names]) {
    const image = await exactName(context, reference)
    const left: Facility[] = []
    for (const facility of names) {
      const request = { requestId: context.newId(), image, facility }
      const answer = await facilities(context).dropImage(request, { signal: context.signal })
      left.push(present(answer.facility))
    }
    const told = left.map(({ name }) => `${image} is not wanted at ${name} any more.`)
    return { json: { image, facilities: left }, text: () => told.join('\n') }
  },
})

const explain = command({
  verb: 'explain',
  object: 'replica',
  summary: 'say why an image is at a facility, or why it is not and what is in the way',
  arguments: ['IMAGE', 'FACILITY'],
  flags: {},
  examples: ['explain replica debian-13 lab1'],
  async run(context, [reference, facility]) {
    const image = await exactName(context, reference)
    const request = { image, facility }
    const answer = await facilities(context).explainReplica(request, { signal: context.signal })
    const { replica, message } = answer
    const json = { ...answer, replica: replica && replicaJson(replica) }
    return { json, text: () => plain(message) }
  },
})

export const facilityCommands = [create, list, show, push, drop, explain]

/** The portal's word on facilities. */
export function facilities({ channel }: Context): Remote<FacilityServiceService> {
  return connect(FacilityServiceService, channel)
}

const headings = ['Facility', '>Wanted', '>Present', '>Stored', 'Peers at', 'Heard of', 'Name']

function facilityCells(facility: Facility): readonly string[] {
  const { name, wantedCount, presentCount, storedBytes, peerAddress, agentTime } = facility
  const counts = [String(wantedCount), String(presentCount), bytes(storedBytes)]
  return [name, ...counts, peerAddress || '-', time(agentTime), plain(facility.displayName)]
}

function facilityText(paint: Paint, facility: Facility, replicas: readonly Replica[]): string {
  const { desiredGeneration, appliedGeneration } = facility
  const behind = appliedGeneration < desiredGeneration ? `, ${appliedGeneration} carried out` : ''
  const about = facts(paint, [
    ['Facility', paint('bold', facility.name)],
    ['Name', plain(facility.displayName)],
    ['Machines', facility.arch || 'as the portal'],
    ['Made', time(facility.createTime)],
    ['Heard of', time(facility.agentTime)],
    ['Peers at', facility.peerAddress || '-'],
    ['Wanted', `generation ${desiredGeneration}${behind}`],
    ['Stored', bytes(facility.storedBytes)],
    ['Own images', ownText(facility)],
  ])
  return `${about}

${rowsOf(paint, 'images', [...replicaHeadings, 'Error'], replicas, replicaCells)}`
}

function ownText({ customBytes, customQuotaBytes, customDays }: Facility): string {
  const days = `each kept for ${counted(customDays, 'day')} if nobody says otherwise`
  return `${bytes(customBytes)} of ${bytes(customQuotaBytes)}, ${days}`
}

export const replicaHeadings = [
  ...['Image', 'State', '>Done', '>From peers', '>From portal', 'Used'],
]

/** How an image gets to a facility, as the cells of a row. */
export function replicaCells(replica: Replica, paint: Paint): readonly string[] {
  const { image, totalBytes, peerBytes, portalBytes, useTime, error } = replica
  const state = word(ReplicaState, replica.state)
  const done = state === 'present' ? '100 %' : share(peerBytes + portalBytes, totalBytes)
  const from = [bytes(peerBytes), bytes(portalBytes)]
  return [image, coloured(paint, state), done, ...from, time(useTime), plain(error)]
}
