import { resolve } from 'node:path'
import { invalid } from '../lib/failure.ts'
import { fetchAuthority } from '../lib/identity/joining.ts'
import { identityFolder, keepIdentity } from '../lib/identity/kept.ts'
import { parseToken } from '../lib/identity/token.ts'
import { connect } from '../lib/rpc/connect.ts'
import { openWithToken } from '../lib/rpc/security.ts'
import { AgentServiceService } from '../proto/gen/merge/image/v1/agent.ts'
import { command } from './command.ts'

/** Needs no agent: it makes what the agent starts with. */
export const join = command({
  verb: 'join',
  summary: "make this machine a facility's agent, by a token of the portal",
  about: `The token comes from "mrg-image new token FACILITY" and counts once, for ten minutes. It says whose agent this becomes and
which authority the portal has, so that no other can pose as it. A key is made here and never leaves; the portal certifies it. The
agent renews the certificate by itself, and needs no flags for TLS.`,
  arguments: ['HOST:PORT', 'TOKEN'],
  flags: {
    data: {
      value: 'DIR',
      about: 'the data folder that the agent has or will have',
      required: true,
    },
  },
  examples: ['join portal.example:7410 mij.… --data /var/lib/merge-image'],
  async run(context, [portal, text], { data }) {
    const { signal, newId, folder } = context
    const token = parseToken(text)
    if (token?.kind !== 'join') {
      const say = 'That is no token to join with: "mrg-image new token FACILITY" makes one, mij.….'
      throw invalid('INVALID_FIELD', say, { field: 'token' })
    }
    const authority = await fetchAuthority(portal, token.pin, signal)
    // What only this needs takes long to load.
    const { makeRequest } = await import('../lib/identity/request.ts')
    const { key, request: certificateRequest } = await makeRequest()
    using channel = openWithToken(portal, { authority, token: text })
    const request = { requestId: newId(), certificateRequest }
    const agents = connect(AgentServiceService, channel)
    const { certificate, authorities, facility } = await agents.enroll(request, { signal })
    const place = resolve(folder, data)
    await keepIdentity(place, { key, certificate, authorities }, portal)
    return {
      json: { facility, portal, folder: identityFolder(place) },
      text: () =>
        `This is ${facility}'s agent now. Start it, or start it again:\n\n  merge-image agent --data ${place}`,
    }
  },
})
