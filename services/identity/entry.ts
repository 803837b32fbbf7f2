import { invalid, precondition } from '../../lib/failure.ts'
import type { Identify } from '../../lib/rpc/caller.ts'
import { givenFiles } from '../../lib/rpc/certified.ts'
import { openSecurity, type Security, type SecuritySettings } from '../../lib/rpc/security.ts'
import type { World } from '../../lib/service.ts'
import { agreeOnAuthority, knownAuthority } from '../db/agreed.ts'
import { listenForAccess } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { authorityOf, type AuthoritySettings } from './authority.ts'
import { callerByToken } from './bearer.ts'
import { keepAdmin } from './firstadmin.ts'
import type { Issuing } from './issuing.ts'
import type { Oidc } from './oidc.ts'
import { keepRenewing, showOwn, type OwnDeps } from './own.ts'
import { openStanding, type Standing } from './standing.ts'

export interface EntrySettings extends SecuritySettings, AuthoritySettings {
  readonly listen: string
  readonly hosts: readonly string[]
  readonly certificatesFor: number
  readonly newAuthority: boolean
  readonly oidcIssuer: string | undefined
  readonly oidcAudience: string | undefined
  readonly oidcAlgorithms: readonly string[]
}

/** Who the portal is, and who others are to it. */
export interface Entry {
  readonly security: Security
  readonly identify: Identify
  readonly standing: Standing
  /** What certificates and tokens are issued with, where the portal has an authority. */
  readonly issuing: Issuing | undefined
  readonly works: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/**
 * Opens the portal's door: with certificates of somebody else's authority where they are given, in the development mode where that is
 * asked for, and else with an authority of its own.
 */
export async function openEntry(
  settings: EntrySettings,
  deps: World & { readonly sql: Sql },
  stack: AsyncDisposableStack,
): Promise<Entry> {
  const news = stack.use(await listenForAccess(deps.sql))
  const standing = await openStanding({ ...deps, news })
  const own = await ownOf(settings, deps)
  const shown = own && (await showOwn(own))
  const renewal = own && shown && ((signal: AbortSignal) => keepRenewing(shown, own, signal))
  const security = await openSecurity(settings, 'portal', deps, () => shown)
  const issuing = own && { ...own, newUlid: deps.newUlid }
  if (issuing !== undefined) await keepAdmin(settings, { ...deps, issuing, standing })
  const oidc = await oidcOf(settings, deps)
  const tokens = { ...deps, standing, oidc }
  return {
    ...{ security, standing, issuing },
    identify: settings.insecureDev
      ? security.identify
      : async (headers, certificate) => {
          if (certificate() === undefined) return callerByToken(headers, tokens)
          const caller = await security.identify(headers, certificate)
          if (caller.credential !== undefined) standing.demand(caller.credential)
          return caller
        },
    works: [(signal) => standing.keepOn(signal), ...(renewal === undefined ? [] : [renewal])],
  }
}

/** What the portal's own certificates are made of, unless they come from somebody else or there are none. */
async function ownOf(
  settings: EntrySettings,
  deps: World & { readonly sql: Sql },
): Promise<OwnDeps | undefined> {
  if (settings.insecureDev || givenFiles(settings) !== undefined) return undefined
  const known = await knownAuthority(deps.sql)
  const authority = await authorityOf(settings, { ...deps, isKnown: known !== undefined })
  const pin = await agreeOnAuthority(deps.sql, authority.pin, settings.newAuthority)
  if (!pin.equals(authority.pin)) {
    throw precondition(
      'WRONG_STATE',
      'The database knows another authority, whose certificates the agents have: give its --ca-cert and --ca-key. With --new-authority this one takes its place, and everybody joins again.',
    )
  }
  const listened = settings.listen.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')
  const isEverywhere = listened === '0.0.0.0' || listened === '::'
  const hosts = isEverywhere ? settings.hosts : [listened, ...settings.hosts]
  return { ...deps, authority, hosts, lifetimeMs: settings.certificatesFor }
}

async function oidcOf(
  { oidcIssuer, oidcAudience, oidcAlgorithms: algorithms }: EntrySettings,
  { now }: Pick<World, 'now'>,
): Promise<Oidc | undefined> {
  if ((oidcIssuer === undefined) !== (oidcAudience === undefined)) {
    throw invalid('INVALID_FIELD', '--oidc-issuer and --oidc-audience go together: give both.')
  }
  if (oidcIssuer === undefined || oidcAudience === undefined) return undefined
  const { openOidc } = await import('./oidc.ts')
  return openOidc({ issuer: oidcIssuer, audience: oidcAudience, algorithms }, now)
}
