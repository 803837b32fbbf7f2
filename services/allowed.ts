import { portalsOwn } from '../lib/names/name.ts'
import type { Rule } from '../lib/rpc/access.ts'
import type { Caller } from '../lib/rpc/caller.ts'
import type { EventFilter } from '../proto/gen/merge/image/v1/audit.ts'
import type { BeginUploadRequest } from '../proto/gen/merge/image/v1/upload.ts'

// Who there is to be allowed something, as the rows of access.ts name them.

/** Whoever has a role. */
export const anyone: Rule<unknown> = ({ role }) => role.kind !== 'guest' && role.kind !== 'joiner'

export const everybody: Rule<unknown> = () => true

export const admins: Rule<unknown> = ({ role }) => role.kind === 'admin'

/** Admins and producers for the portal's names; a facility's manager for its own, and nobody else there but admins. */
export const ownersOf =
  <R>(nameOf: (request: R) => string): Rule<R> =>
  ({ role }, request) => {
    const owner = namespaceOf(nameOf(request))
    if (role.kind === 'admin') return true
    return owner === ''
      ? role.kind === 'producer'
      : role.kind === 'manager' && role.facility === owner
  }

export const agentOf =
  <R>(facilityOf: (request: R) => string): Rule<R> =>
  ({ role }, request) =>
    role.kind === 'agent' && role.facility === facilityOf(request)

export const insiders =
  <R>(facilityOf: (request: R) => string): Rule<R> =>
  (caller, request) =>
    admins(caller, request) || belongsTo(caller, facilityOf(request))

/** The same, and a facility's agent, which acts for its manager. */
export const ownersAndAgentsOf =
  <R>(nameOf: (request: R) => string): Rule<R> =>
  (caller, request) =>
    ownersOf(nameOf)(caller, request) || isAgentOf(caller, namespaceOf(nameOf(request)))

/** Anyone for what is the portal's; a facility's own is its own, and the admins'. */
export const readersOf =
  <R>(nameOf: (request: R) => string): Rule<R> =>
  (caller, request) => {
    const owner = namespaceOf(nameOf(request))
    if (owner === '') return anyone(caller, undefined)
    return admins(caller, undefined) || belongsTo(caller, owner)
  }

export const agents: Rule<unknown> = ({ role }) => role.kind === 'agent'

/** Bytes that stay at a facility are its agent's to publish, and nobody else's; those of the portal's builds its own agent's too. */
export const uploaders: Rule<BeginUploadRequest> = (caller, request) => {
  if (request.restores !== undefined) return ownersOf(String)(caller, request.restores)
  const owner = namespaceOf(request.target)
  if (request.custom !== undefined) return isAgentOf(caller, owner)
  return (
    ownersOf(({ target }: BeginUploadRequest) => target)(caller, request) ||
    (owner === '' && isAgentOf(caller, portalsOwn))
  )
}

/** Whose upload it is, is checked where it is looked up. */
export const publishers: Rule<unknown> = ({ role }) =>
  role.kind === 'admin' ||
  role.kind === 'producer' ||
  role.kind === 'manager' ||
  role.kind === 'agent'

/** Admins; of a facility's lines its manager. */
export const managersOf =
  <R>(patternOf: (request: R) => string): Rule<R> =>
  ({ role }, request) =>
    role.kind === 'admin' ||
    (role.kind === 'manager' && role.facility === namespaceOf(patternOf(request)))

export const plannersOf = managersOf(({ pattern }: { readonly pattern: string }) => pattern)

/** Whose lines it is about, is checked where it is looked up. */
export const managers: Rule<unknown> = ({ role }) =>
  role.kind === 'admin' || role.kind === 'manager'

/** The whole log is the admins'; what concerns a facility its manager's too. */
export const eventReaders: Rule<{ readonly filter: EventFilter | undefined }> = (
  caller,
  { filter },
) =>
  admins(caller, undefined) ||
  (caller.role.kind === 'manager' && caller.role.facility === filter?.facility)

function isAgentOf({ role }: Caller, facility: string): boolean {
  return role.kind === 'agent' && role.facility === facility
}

function belongsTo({ role }: Caller, facility: string): boolean {
  return (role.kind === 'manager' || role.kind === 'agent') && role.facility === facility
}

export function namespaceOf(name: string): string {
  return name.includes('/') ? (name.split('/')[0] ?? '') : ''
}
