import { resolve } from 'node:path'
import { invalid } from '../lib/failure.ts'
import { fetchAuthority } from '../lib/identity/pinned.ts'
import { parseToken } from '../lib/identity/token.ts'
import { connect } from '../lib/rpc/connect.ts'
import { openWithToken } from '../lib/rpc/security.ts'
import { AccessServiceService, type WhoAmIResponse } from '../proto/gen/merge/image/v1/access.ts'
import { command, type Paint } from './command.ts'
import { forgetLogin, keepLogin } from './logged.ts'
import { readGiven } from './server.ts'
import { facts } from './table.ts'
import { plain, time } from './units.ts'

const login = command({
  verb: 'login',
  summary: 'be known at a portal from now on, by a token',
  about: `The token comes from an admin ("mrg-image new robot"), from the portal's own folder for the first one
(DIR/admin.token), or from your identity provider. One of the portal's says which authority the portal has; for another give
the authority's certificate. Both are kept where only you can read them.`,
  arguments: ['HOST:PORT', 'FILE'],
  flags: {
    authority: { value: 'FILE', about: 'its certificate in PEM, where the token does not say' },
  },
  examples: ['login portal.example:7410 admin.token'],
  async run(context, [portal, tokenFile], { authority: authorityFile }) {
    const { folder, signal, settingsFolder } = context
    const token = (await readGiven('FILE', resolve(folder, tokenFile))).toString().trim()
    const authority = await (authorityFile === undefined
      ? pinned(portal, token, signal)
      : readGiven('--authority', resolve(folder, authorityFile)))
    using channel = openWithToken(portal, { authority, token })
    const who = await connect(AccessServiceService, channel).whoAmI({}, { signal })
    const kept = { portal, authority: authority.toString(), token }
    const file = await keepLogin(settingsFolder, kept)
    const text = (paint: Paint): string => `${whoText(paint, who)}\n\nKept in ${file}.`
    return { json: { ...who, portal, file }, text }
  },
})

async function pinned(portal: string, text: string, signal: AbortSignal): Promise<Buffer> {
  const token = parseToken(text)
  if (token !== undefined) return fetchAuthority(portal, token.pin, signal)
  const say = 'The token is none that a portal made: give its authority with --authority FILE.'
  throw invalid('INVALID_FIELD', say, { field: 'token' })
}

const logout = command({
  verb: 'logout',
  summary: 'forget the portal and the token of the last login',
  arguments: [],
  flags: {},
  examples: ['logout'],
  async run({ settingsFolder }) {
    await forgetLogin(settingsFolder)
    return { json: {}, text: () => 'Forgotten. The token counts until it runs out or is deleted.' }
  },
})

const showCaller = command({
  verb: 'show',
  object: 'caller',
  summary: 'say who you are to the portal, what you may be, and until when',
  arguments: [],
  flags: {},
  examples: ['show caller'],
  async run({ channel, signal }) {
    const who = await connect(AccessServiceService, channel).whoAmI({}, { signal })
    return { json: who, text: (paint) => whoText(paint, who) }
  },
})

function whoText(paint: Paint, { name, role, roles, expireTime }: WhoAmIResponse): string {
  const others = roles.filter((other) => other !== role)
  return facts(paint, [
    ['You are', plain(name)],
    ['Role', role || 'none: an admin gives one'],
    ...(others.length === 0 ? [] : [['Also', others.join(', ')] as const]),
    ...(expireTime === undefined ? [] : [['Until', time(expireTime)] as const]),
  ])
}

export const loginCommands = [login, logout, showCaller]
