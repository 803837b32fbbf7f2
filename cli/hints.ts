import type { Failure, ReasonName } from '../lib/failure.ts'
import type { Program } from './program.ts'

/** What to do next about a failure, where there is something. */
export function hintFor(program: Program, failure: Failure): string | undefined {
  const { reason, facts, message } = failure
  const instead = facts['replacement'] ?? facts['newest']
  if (instead !== undefined && instead !== '') {
    return message.includes(instead) ? undefined : `Use ${instead} instead.`
  }
  const hint = standing(failure) ?? program.hints[reason] ?? hints[reason]
  const command = /`(.+?)`/.exec(hint ?? '')?.[1]
  // A message quotes its commands; what it has said is not said again.
  return command !== undefined && message.includes(`"${command}"`) ? undefined : hint
}

/** What shows how that stands whose state does not allow a change. */
function standing({ reason, facts }: Failure): string | undefined {
  const { alias, build } = facts
  if (reason !== 'WRONG_STATE') return undefined
  if (alias !== undefined) return `\`mrg-image show alias ${alias}\` shows where it stands.`
  if (build === undefined) return undefined
  return `\`mrg-image show build ${build}\` shows where it stands.`
}

const again = 'Nothing is lost: run the command again, it goes on with what is missing.'
const words =
  '`mrg-image list distros` shows the distros, releases and roles that names are made of.'

const hints: Readonly<Partial<Record<ReasonName, string>>> = {
  UNKNOWN_DISTRO: words,
  UNKNOWN_RELEASE: words,
  UNKNOWN_TOKEN: words,
  NOT_FOUND: '`mrg-image list` shows the images that there are.',
  NO_MATCH:
    '`mrg-image list` shows the images that there are; a candidate fits once it is released: `mrg-image release IMAGE`.',
  ETAG_MISMATCH: 'Someone changed it meanwhile: look at it again, then decide anew.',
  NOT_ALLOWED:
    'Ask a portal admin, or, in the development mode, call as someone else: --caller WHO.',
  NOT_IDENTIFIED:
    'Say who you are: `mrg-image login`, --tls-cert, --tls-key and --tls-ca, or, in the development mode, --caller WHO.',
  NOT_READY: 'Try again in a moment.',
  TOO_LATE: 'Try again in a moment.',
  INTERNAL: 'The log of the server says what happened.',
  CHUNKS_MISSING: again,
  UPLOAD_CLOSED: again,
  DISK_FULL: 'Make room there, then run the command again. What was there before is untouched.',
  CHUNK_CORRUPT: 'Run the command again; if it happens again, a disk or a network is at fault.',
  PACK_CORRUPT: 'The store has a damaged file: its log says which.',
  FILE_CORRUPT:
    'Copy the file again from where it came: `sha256sum -c FILE.sha256` tells whether it is the same.',
  FILE_CHANGED: 'Nothing may write to the file meanwhile: publish a copy or a snapshot.',
  FILE_EXISTS: '--force replaces it.',
  FACILITY_NOT_FOUND: '`mrg-image list facilities` shows those that there are.',
  ALIAS_NOT_FOUND: '`mrg-image list aliases` shows them.',
  NOT_PRESENT: '`mrs-image list` shows what is here; `mrs-image pull IMAGE` fetches an image.',
  CHECKS_NOT_PASSED: '--reason TEXT releases it all the same, and is kept with it.',
  QUEUE_FULL: 'Wait until some of them are done: `mrg-image list builds --state queued`.',
  RECIPES_FULL: '`mrg-image delete recipe NAME` lets go of what nobody built.',
  NEEDED: '`mrg-image list holders IMAGE` says what needs it.',
  WRONG_STATE: '`mrg-image show IMAGE` says in which state it is.',
}
