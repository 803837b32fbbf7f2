import { invalid } from '../failure.ts'
import { connect } from '../rpc/connect.ts'
import { openWithToken } from '../rpc/security.ts'
import { AgentServiceService } from '../../proto/gen/merge/image/v1/agent.ts'
import { fetchAuthority } from './pinned.ts'
import { keepIdentity, tryFolder } from './kept.ts'
import { parseToken } from './token.ts'

export interface Joining {
  /** Where the portal answers: host:port. */
  readonly portal: string
  /** As CreateJoinToken told it. */
  readonly token: string
  /** The agent's data folder. */
  readonly data: string
  readonly requestId: string
}

/** Joins a portal as the facility of the token, and keeps what the agent starts with; answers the facility. */
export async function joinPortal(
  { portal, token: text, data, requestId }: Joining,
  signal: AbortSignal,
): Promise<string> {
  const token = parseToken(text)
  if (token?.kind !== 'join') {
    const say = 'That is no token to join with: "mrg-image new token FACILITY" makes one, mij.….'
    throw invalid('INVALID_FIELD', say, { field: 'token' })
  }
  const authority = await fetchAuthority(portal, token.pin, signal)
  // What only this needs takes long to load.
  const { makeRequest } = await import('./request.ts')
  const { key, request: certificateRequest } = await makeRequest()
  // A token counts once: it is not spent where its answer cannot be kept.
  await tryFolder(data)
  using channel = openWithToken(portal, { authority, token: text })
  const agents = connect(AgentServiceService, channel)
  const enrolled = await agents.enroll({ requestId, certificateRequest }, { signal })
  const { certificate, authorities, facility } = enrolled
  await keepIdentity(data, { key, certificate, authorities }, portal)
  return facility
}
