import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { ReportStateRequest } from '../../proto/gen/merge/image/v1/agent.ts'
import { SetAliasRequest } from '../../proto/gen/merge/image/v1/alias.ts'
import { Replica, ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

let portal: Awaited<ReturnType<typeof freshPortal>>
const data = Buffer.alloc(1000, 'merge')

beforeAll(async () => {
  portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
  const admin = portal.as('admin')
  for (const day of ['01', '02', '03', '04', '05', '06']) {
    await publish(admin, `debian-13-x86-202606${day}`, data)
  }
  await publish(admin, 'debian-13-vte-x86-20260605', data)
  await publish(admin, 'debian-13-x86-20260607', data, false)
  await publish(admin, 'debian-12-x86-20260601', data)
  const image = 'debian-13.0-std-x86-20260604'
  await admin.aliases.setAlias(
    SetAliasRequest.create({ requestId: randomUUID(), alias: 'course', image }),
  )
  await makeFacilities(admin, 'lab1')
  const state = ReplicaState.REPLICA_STATE_PRESENT
  await portal
    .as('agent:lab1')
    .agents.reportState(
      ReportStateRequest.create({ facility: 'lab1', replicas: [Replica.create({ image, state })] }),
    )
  await portal.sql`update image_change set time = '2026-06-01T12:00:00Z'`
  await portal.sql`update alias_move set time = '2026-06-10T12:00:00Z'`
})

afterAll(() => portal[Symbol.asyncDispose]())

async function mrg(...argv: readonly string[]) {
  const { host, out, err } = recordingHost(portal.address)
  return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
}

describe('resolve', () => {
  test('says the exact name and what was filled in, from where', async () => {
    const { out } = await mrg('resolve', 'trixie')
    expect(out).toMatch(/^debian-13\.0-std-x86-20260606\n\nSystem +Debian 13 \(Trixie\)\n/)
    expect(out).toContain(
      'Read as    partial\nFilled in  role std (convention), arch x86 (catalogue), point 0 (newest), build 20260606 (newest)',
    )
    expect(out).not.toContain('Why not')
  })

  test('explains why it was none of the others: each reason once, with its newest', async () => {
    const { out } = await mrg('resolve', 'debian-13', '--explain')
    expect(out.slice(out.indexOf('Why not another'))).toBe(
      `Why not another (8 other images), newest first

Why not                            Image
-------                            -----
is not released yet                debian-13.0-std-x86-20260607
fits, but is older                 debian-13.0-std-x86-20260605
                                   debian-13.0-std-x86-20260604
                                   debian-13.0-std-x86-20260603
                                   and 2 more
does not fit role = std (default)  debian-13.0-vte-x86-20260605
does not fit release = 13          debian-12.0-std-x86-20260601`,
    )
  })

  test('has nothing to explain of an exact name or an alias', async () => {
    const exact = await mrg('resolve', 'debian-13.0-std-x86-20260601', '--explain')
    expect(exact.out).toMatch(/\n\nIt was asked for by its exact name\.$/)
    const alias = await mrg('resolve', 'course', '--explain')
    expect(alias.out).toMatch(/\n\nThe alias points at it\.$/)
  })

  test('gives scripts every candidate', async () => {
    const { out } = await mrg('resolve', 'debian-13', '--explain', '--json')
    const answer = JSON.parse(out) as { readonly rejected: readonly unknown[] }
    expect(answer).toMatchObject({ rule: 'partial', present: false })
    expect(answer.rejected).toHaveLength(8)
  })

  test('for a facility says whether it is there, and can prefer what is', async () => {
    const newest = await mrg('resolve', 'debian-13', '--facility', 'lab1')
    expect(newest.out).toMatch(/^debian-13\.0-std-x86-20260606\n[^]*\nAt lab1 +not there\n/)
    const held = await mrg('resolve', 'debian-13', '--facility', 'lab1', '--prefer-present')
    expect(held.out).toMatch(/^debian-13\.0-std-x86-20260604\n[^]*\nAt lab1 +there, whole\n/)
    const none = await mrg('resolve', 'debian-12', '--facility', 'lab1', '--present-only')
    expect(none.exit).toBe(1)
    expect(none.err).toContain('debian-12.0-std-x86-20260601 is not present')
  })

  test('as of a time answers what it was then', async () => {
    const then = await mrg('resolve', 'course', '--as-of', '2026-06-11')
    expect(then.out).toContain('As of      2026-06-11 00:00:00 UTC')
    const before = await mrg('resolve', 'course', '--as-of', '2026-06-09')
    expect(before.err).toContain('No distro is called "course"')
    const future = await mrg('resolve', 'course', '--as-of', '2027-01-01')
    expect(future.err).toContain('is in the future')
  })

  test.each([
    [['--prefer-present'], '--prefer-present needs --facility FACILITY'],
    [['--present-only'], '--present-only needs --facility FACILITY'],
    [
      ['--present-only', '--prefer-present', '--facility', 'lab1'],
      '--prefer-present and --present-only exclude each other',
    ],
    [['--as-of', 'noon'], '--as-of "noon" is no time'],
  ])('%j is a wrong command line', async (flags, message) => {
    const { exit, err } = await mrg('resolve', 'debian', ...flags)
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })
})

describe('parse', () => {
  test('says how a reference is read, and what it leaves free', async () => {
    const { out, err } = await mrg('parse', 'ubuntu-24044-x64')
    expect(out).toBe(
      `Read as       partial
Distro        ubuntu
Release       2404
Point         4
Architecture  x86
Left free     role, build`,
    )
    expect(err).toBe('warning: "24044" is an older form; write `2404.4`')
  })

  test('tells the clauses of a constraint, and an alias from a name', async () => {
    const { out } = await mrg('parse', 'debian-12, build <= 202606')
    expect(out).toContain('Clauses  distro = debian, release = 12, build <= 202606')
    expect((await mrg('parse', 'course')).out).toBe('Read as  alias\nAlias    course')
    const { out: document } = await mrg('parse', 'noble', '--json')
    expect(JSON.parse(document)).toMatchObject({ rule: 'partial', release: '2404' })
  })

  test('fails like a resolution would', async () => {
    const { exit, err } = await mrg('parse', 'debian-13-hyperivisor')
    expect(exit).toBe(1)
    expect(err).toContain('did you mean `hypervisor`?')
  })
})
