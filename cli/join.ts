import { resolve } from 'node:path'
import { joinPortal } from '../lib/identity/joining.ts'
import { identityFolder } from '../lib/identity/kept.ts'
import { command } from './command.ts'
import { readGiven } from './server.ts'

/** Needs no agent: it makes what the agent starts with. */
export const join = command({
  verb: 'join',
  summary: "make this machine a facility's agent, by a token of the portal",
  about: `The token comes from "mrg-image new token FACILITY" and counts once, for ten minutes. It says whose agent this becomes and
which authority the portal has, so that no other can pose as it. A key is made here and never leaves; the portal certifies it. The
agent renews the certificate by itself, and needs no flags for TLS. Others on this machine can see what a command was given while it
runs: where that matters, give a file.`,
  arguments: ['HOST:PORT', 'TOKEN-OR-FILE'],
  flags: {
    data: {
      value: 'DIR',
      about: 'the data folder that the agent has or will have',
      required: true,
    },
  },
  examples: [
    'join portal.example:7410 mij.… --data /var/lib/merge-image',
    'join portal.example:7410 /dev/stdin --data /var/lib/merge-image',
  ],
  async run(context, [portal, text], { data }) {
    const { signal, newId, folder } = context
    const token = text.startsWith('mij.') ? text : await tokenIn(resolve(folder, text))
    const place = resolve(folder, data)
    const facility = await joinPortal({ portal, token, data: place, requestId: newId() }, signal)
    return {
      json: { facility, portal, folder: identityFolder(place) },
      text: () =>
        `This is ${facility}'s agent now. Start it, or start it again:\n\n  merge-image agent --data ${place}`,
    }
  },
})

async function tokenIn(path: string): Promise<string> {
  return (await readGiven('TOKEN-OR-FILE', path)).toString().trim()
}
