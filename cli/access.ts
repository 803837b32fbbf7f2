import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  AccessServiceService,
  type Certificate,
  type Grant,
  type Robot,
} from '../proto/gen/merge/image/v1/access.ts'
import { command, type Context, type Paint } from './command.ts'
import { parseCount } from './count.ts'
import { everyItem, present } from './find.ts'
import { facilities } from './facilities.ts'
import { listed } from './table.ts'
import { counted, plain, time } from './units.ts'
import { UsageError } from './usage.ts'

const newToken = command({
  verb: 'new',
  object: 'token',
  summary: "make a token with which a machine joins as a facility's agent",
  about: `It counts once, for ten minutes. "portal" is the facility of the portal's own agent, which builds for it.`,
  arguments: ['FACILITY'],
  flags: {},
  examples: ['new token lab1'],
  async run(context, [facility]) {
    const { signal, newId, channel } = context
    const request = { requestId: newId(), facility }
    const made = await facilities(context).createJoinToken(request, { signal })
    const join = `mrs-image join ${channel.address} ${made.token} --data DIR`
    const text = `On the machine of ${facility}'s agent, once, before ${time(made.expireTime)}:\n\n  ${join}`
    return { json: { ...made, facility }, text: () => text }
  },
})

const tokenFlags = {
  days: { value: 'DAYS', about: 'how long the token is valid, 1 to 400; 90 if not given' },
} as const

const newRobot = command({
  verb: 'new',
  object: 'robot',
  summary: 'make a name with a role and a token, for a pipeline or a person',
  arguments: ['NAME'],
  flags: {
    role: {
      value: 'ROLE',
      about: 'admin, producer, experimenter or manager:FACILITY',
      required: true,
    },
    ...tokenFlags,
  },
  examples: [
    'new robot nightly --role producer --days 30',
    'new robot lab1-desk --role manager:lab1',
  ],
  async run(context, [name], { role, days }) {
    const request = { requestId: context.newId(), name, role, days: daysOf(days, 'new') }
    const made = await access(context).createRobot(request, { signal: context.signal })
    return { json: made, text: () => tokenText(present(made.robot), made.token) }
  },
})

const rotateRobot = command({
  verb: 'rotate',
  object: 'robot',
  summary: 'give a robot a new token; the old one counts no more',
  arguments: ['NAME'],
  flags: tokenFlags,
  examples: ['rotate robot nightly'],
  async run(context, [name], { days }) {
    const request = { requestId: context.newId(), name, days: daysOf(days, 'rotate') }
    const made = await access(context).rotateRobot(request, { signal: context.signal })
    return { json: made, text: () => tokenText(present(made.robot), made.token) }
  },
})

const deleteRobot = command({
  verb: 'delete',
  object: 'robot',
  summary: 'take a robot away; its token counts no more',
  arguments: ['NAME'],
  flags: {},
  examples: ['delete robot nightly'],
  async run(context, [name]) {
    const request = { requestId: context.newId(), name }
    await access(context).deleteRobot(request, { signal: context.signal })
    return { json: { name }, text: () => `${name} is nobody any more.` }
  },
})

const listRobots = command({
  verb: 'list',
  object: 'robots',
  summary: 'list the robots, what they may be and until when',
  arguments: [],
  flags: {},
  examples: ['list robots'],
  async run(context) {
    const { signal } = context
    const found = await everyItem(
      (page) => access(context).listRobots(page, { signal }),
      (page) => page.robots,
    )
    const headings = ['Robot', 'Role', 'Token from', 'Until', 'Made by']
    const cells = ({ name, role, tokenTime, expireTime, actor }: Robot, paint: Paint) => {
      const isOver = expireTime !== undefined && expireTime < context.today()
      const until = time(expireTime)
      return [name, role, time(tokenTime), isOver ? paint('red', until) : until, plain(actor)]
    }
    return listed('robots', found, (robot) => robot, headings, cells)
  },
})

const grant = command({
  verb: 'grant',
  object: 'role',
  summary: 'give a role to all whose token of the identity provider says this of them',
  arguments: ['ROLE', 'CLAIM=VALUE'],
  flags: {},
  examples: ['grant role producer project_path=images/debian', 'grant role admin sub=alice'],
  async run(context, [role, text]) {
    const asked = { requestId: context.newId(), role, ...claimOf(text, 'grant') }
    const { grant } = await access(context).grantRole(asked, { signal: context.signal })
    return { json: grant, text: () => `Whoever has ${text} is ${role}.` }
  },
})

const revokeRole = command({
  verb: 'revoke',
  object: 'role',
  isSpelled: true,
  summary: 'take a role away again',
  arguments: ['ROLE', 'CLAIM=VALUE'],
  flags: {},
  examples: ['revoke role producer project_path=images/debian'],
  async run(context, [role, text]) {
    const asked = { requestId: context.newId(), role, ...claimOf(text, 'revoke') }
    await access(context).revokeRole(asked, { signal: context.signal })
    return { json: asked, text: () => `Whoever has ${text} is ${role} no more by that.` }
  },
})

const listGrants = command({
  verb: 'list',
  object: 'grants',
  summary: 'list who gets which role by a token of the identity provider',
  arguments: [],
  flags: {},
  examples: ['list grants'],
  async run(context) {
    const { signal } = context
    const found = await everyItem(
      (page) => access(context).listGrants(page, { signal }),
      (page) => page.grants,
    )
    const cells = ({ claim, value, role, actor, createTime }: Grant) => [
      ...[plain(`${claim}=${value}`), role, time(createTime), plain(actor)],
    ]
    return listed('grants', found, (one) => one, ['Who has', 'Is', 'Since', 'Given by'], cells)
  },
})

const listCertificates = command({
  verb: 'list',
  object: 'certificates',
  summary: 'list the certificates that the portal issued',
  arguments: [],
  flags: { facility: { value: 'NAME', about: "only this facility's" } },
  examples: ['list certificates --facility lab1'],
  async run(context, _, { facility = '' }) {
    const { signal } = context
    const found = await everyItem(
      (page) => access(context).listCertificates({ ...page, facility }, { signal }),
      (page) => page.certificates,
    )
    const headings = ['Serial', 'Whose', 'From', 'Until', 'Revoked', 'Why']
    const cells = (one: Certificate, paint: Paint) => [
      ...[one.serial, one.name, time(one.createTime), time(one.expireTime)],
      ...(one.revokeTime === undefined
        ? ['-', '']
        : [paint('red', time(one.revokeTime)), plain(one.reason)]),
    ]
    return listed('certificates', found, (one) => one, headings, cells)
  },
})

const revokeCertificate = command({
  verb: 'revoke',
  object: 'certificate',
  isSpelled: true,
  summary: "refuse a certificate from now on, or a facility's all",
  arguments: ['SERIAL-OR-FACILITY'],
  flags: {
    reason: { value: 'TEXT', about: 'why' },
    facility: { value: 'NAME', about: 'whose it is, where an authority of yours issued it' },
  },
  examples: ["revoke certificate lab1 --reason 'the machine was sold'"],
  async run(context, [which], { reason = '', facility = '' }) {
    // A serial number has 32 digits, and a facility has a letter first and 32 characters at most.
    const isSerial = facility !== '' || (/^[0-9a-f]{32,40}$/i.test(which) && /^\d/.test(which))
    const asked = isSerial
      ? { serial: which, facility, reason }
      : { serial: '', facility: which, reason }
    const request = { requestId: context.newId(), ...asked }
    const answer = await access(context).revokeCertificate(request, { signal: context.signal })
    const { certificates } = answer
    const told = certificates.map(({ serial, name }) => `${serial} of ${name}`)
    const text = `${counted(told.length, 'certificate')} revoked.`
    return { json: answer, text: () => [...told, text].join('\n') }
  },
})

export const accessCommands = [
  newToken,
  newRobot,
  rotateRobot,
  deleteRobot,
  listRobots,
  grant,
  revokeRole,
  listGrants,
  listCertificates,
  revokeCertificate,
]

function access({ channel }: Context): Remote<AccessServiceService> {
  return connect(AccessServiceService, channel)
}

function tokenText({ name, role, expireTime }: Robot, token: string): string {
  return `Robot ${name} is ${role} until ${time(expireTime)} with this token, which is not shown again:\n\n${token}`
}

function daysOf(text: string | undefined, verb: string): number {
  return text === undefined ? 0 : parseCount('--days', text, 400, `mrg-image ${verb} robot --help`)
}

function claimOf(text: string, verb: string): { readonly claim: string; readonly value: string } {
  const [, claim, value] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (claim !== undefined && value !== undefined) return { claim, value }
  throw new UsageError(`"${text}" is not written as CLAIM=VALUE`, `mrg-image ${verb} role --help`)
}
