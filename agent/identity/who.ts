import { invalid, type Failure } from '../../lib/failure.ts'
import { readIdentity } from '../../lib/identity/kept.ts'
import { givenFiles } from '../../lib/rpc/certified.ts'
import type { SecuritySettings } from '../../lib/rpc/security.ts'
import { renewable, type Renewable } from '../../lib/rpc/shown.ts'

/** Whose agent this is, and where its portal answers. */
export interface Who {
  readonly facility: string
  readonly portal: string
  /** What it shows, if it joined. */
  readonly shown: Renewable | undefined
}

export interface WhoSettings extends SecuritySettings {
  readonly data: string
  readonly facility: string | undefined
  readonly portal: string | undefined
}

const usualPortal = '127.0.0.1:7410'

/** What the settings say, or else what it was told when it joined. */
export async function whoIs(settings: WhoSettings, now: Date): Promise<Who> {
  if (settings.insecureDev || givenFiles(settings) !== undefined) return said(settings)
  const kept = await readIdentity(settings.data, now)
  if (kept === undefined) throw neverJoined(settings.data)
  const joined = kept.certified.name.replace(/^agent:/, '')
  const facility = settings.facility ?? joined
  if (facility !== joined) {
    throw invalid('INVALID_FIELD', `--facility: this joined as ${joined}, and not as ${facility}.`)
  }
  const portal = settings.portal ?? kept.portal
  return { facility, portal, shown: renewable(kept.certified) }
}

/** Of an agent that did not join the settings say all. */
function said({ facility, portal = usualPortal }: WhoSettings): Who {
  if (facility !== undefined) return { facility, portal, shown: undefined }
  throw invalid('INVALID_FIELD', '--facility: say whose agent this is, as the portal knows it.')
}

function neverJoined(data: string): Failure {
  return invalid(
    'INVALID_FIELD',
    `Nobody joined with ${data} yet: "mrg-image new token FACILITY" at the portal makes a token, and "mrs-image join HOST:PORT TOKEN --data ${data}" uses it (docs/security.md).`,
  )
}
