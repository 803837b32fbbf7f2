import { minute, second } from '../moment.ts'
import { failed, fetching, present, waiting } from './queries.ts'
import type { Standing } from './standing.ts'

/** Why an image is at a facility, or why it is not and what to do, as sentences. */
export function explainStanding(standing: Standing): string {
  const { image, facility, replica, actor } = standing
  const isHere = replica?.state === present
  if (actor === null) return isHere ? leftover(standing) : unwanted(standing)
  const who = whoWants(actor, standing)
  if (isHere) return `${image} is at ${facility}, whole: ${who}.`
  return [`${image} is not at ${facility} yet: ${who}.`, ...inTheWay(standing)].join(' ')
}

function whoWants(actor: string, { facility, pushed, rules, wantTime }: Standing): string {
  const since = wantTime === null ? '' : ` on ${day(wantTime)}`
  return [
    ...(pushed ? [`${actor} put it on the list of ${facility}${since}`] : []),
    ...rules.map((rule) => `the sync rule ${rule} of ${facility} wants it`),
  ].join(', and ')
}

function leftover({ image, facility, own }: Standing): string {
  if (own) return `${image} is at ${facility}, whose own image it is.`
  return `${image} is at ${facility}, and nobody wants it there any more: it stays until its room is needed.`
}

function unwanted({ image, facility, storage, imageState }: Standing): string {
  const none = `${image} is not at ${facility}, and nobody wants it there`
  if (imageState === 'revoked') return `${none}: it is revoked, and goes nowhere.`
  if (storage === 'expired') return `${none}: it has expired, and its bytes are gone.`
  if (storage === 'archived') {
    return `${none}: it is in the archive. "mrg-image restore ${image}" brings it back, and then it can go there.`
  }
  return `${none}: "mrg-image push ${image} ${facility}" puts it on its list.`
}

/** What is known of why it has not come, the nearest reason first. */
function* inTheWay(standing: Standing): Generator<string> {
  const { facility, replica, agentTime, agentIsThere } = standing
  if (agentTime === null) {
    yield `The agent of ${facility} was never heard of: start it.`
    return
  }
  if (!agentIsThere) {
    yield `The agent of ${facility} was last heard of at ${minute(agentTime)}: start it, or see why it does not reach the portal.`
  }
  if (replica?.state === failed) {
    yield `The last try failed at ${minute(replica.updateTime)}: ${sentence(replica.error)} It is tried again ${replica.nextTime === null ? 'by itself' : `at ${second(replica.nextTime)}`}.`
  } else if (replica?.state === fetching) {
    const done = replica.peerBytes + replica.portalBytes
    yield `It is on its way: ${done} of ${replica.totalBytes} bytes have come.`
  } else if (agentIsThere) {
    yield waits(standing)
  }
  yield from(standing)
}

function waits({ facility, replica, fetching: others }: Standing): string {
  if (replica?.state === waiting && replica.error !== '') return `It ${sentence(replica.error)}`
  return others > 0
    ? 'It waits for its turn: another image is fetched now.'
    : `It waits: "mrs-image status" at ${facility} says whether for the hours of --fetch-window.`
}

function from({ holders, home, storage, peers }: Standing): string {
  const isAtPortal = home === null && storage === 'present'
  if (peers === 'only') {
    return holders.length > 0
      ? `It comes from ${holders.join(', ')} alone.`
      : 'It comes from other facilities alone, and none has it whole.'
  }
  if (peers === 'last' && isAtPortal) return 'It comes from the portal first.'
  if (holders.length > 0) {
    return `It comes from ${holders.join(', ')}${isAtPortal ? ' first, then from the portal' : ''}.`
  }
  if (isAtPortal) return 'It comes from the portal: no other facility has it.'
  return home === null
    ? 'Its bytes are not at the portal any more, and no other facility has it.'
    : `Its bytes are at ${home} and not at the portal: its agent has to be there.`
}

function sentence(text: string): string {
  return `${text.replace(/\.$/, '')}.`
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
