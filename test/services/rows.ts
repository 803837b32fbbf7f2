import { randomUUID } from 'node:crypto'
import type { Clients } from '../support/portal.ts'

/** For whose things a call can be: the portal's own, the caller's facility's, another's, or one's that is not there. */
export const places = ['portal', 'own', 'other', 'absent'] as const
type Place = (typeof places)[number]

export const facilityOf = { portal: '', own: 'lab1', other: 'lab2', absent: 'lab9' } as const

export const callers = {
  admin: 'admin',
  producer: 'producer:alice',
  experimenter: 'experimenter:bob',
  manager: 'manager:lab1',
  agent: 'agent:lab1',
  // The portal's own agent, which builds for the portal.
  builder: 'agent:portal',
  // Known, without a role.
  guest: 'guest',
  // Shows a token to join with.
  joiner: 'joiner:lab1',
} as const
export type Who = keyof typeof callers

/** Where a caller may call a method. */
export const may = {
  everywhere: places,
  portal: ['portal'],
  own: ['own'],
  portalAndOwn: ['portal', 'own'],
  nowhere: [],
} as const satisfies Record<string, readonly Place[]>
type May = keyof typeof may

/** One method: how it is called for something, and where each caller may. */
export interface Row {
  readonly call: (clients: Clients, facility: string) => Promise<unknown> | AsyncIterable<unknown>
  readonly may: Readonly<Record<Who, May>>
}

type Everybody = Row['may']
/** What admins, producers, experimenters, managers and agents may; who has no role may nothing. */
export const row = (
  admin: May,
  producer: May,
  experimenter: May,
  manager: May,
  agent: May,
  builder: May = agent === 'own' ? 'nowhere' : agent,
): Everybody => ({
  ...{ admin, producer, experimenter, manager, agent, builder },
  ...{ guest: 'nowhere', joiner: 'nowhere' },
})

export const name = (facility: string, rest: string) =>
  facility === '' ? rest : `${facility}/${rest}`
export const image = (facility: string) => name(facility, 'debian-13.0-std-x86-20200101')
export const page = { pageSize: 0, pageToken: '' }
export const id = () => randomUUID()
