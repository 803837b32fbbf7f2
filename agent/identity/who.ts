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
  const isGiven = settings.insecureDev || givenFiles(settings) !== undefined
  const kept = isGiven ? undefined : await readIdentity(settings.data, now)
  const joined = kept?.certified.name.replace(/^agent:/, '')
  const facility = settings.facility ?? joined
  if (facility === undefined) throw nobody(settings.data, isGiven)
  if (joined !== undefined && facility !== joined) {
    throw invalid('INVALID_FIELD', `--facility: this joined as ${joined}, and not as ${facility}.`)
  }
  const portal = settings.portal ?? kept?.portal ?? usualPortal
  return { facility, portal, shown: kept && renewable(kept.certified) }
}

function nobody(data: string, isGiven: boolean): Failure {
  return invalid(
    'INVALID_FIELD',
    isGiven
      ? '--facility: say whose agent this is, as the portal knows it.'
      : `Nobody joined with ${data} yet: "mrg-image new token FACILITY" at the portal makes a token, and "mrs-image join HOST:PORT TOKEN --data ${data}" uses it (docs/security.md).`,
  )
}
