import '../support/realm.ts'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readLogin } from '../../cli/logged.ts'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { readIdentity } from '../../lib/identity/kept.ts'
import { securedPortal, type SecuredPortal } from '../support/secured.ts'
import { recordingHost } from './host.ts'

let portal: SecuredPortal
let settingsFolder: string

beforeAll(async () => {
  portal = await securedPortal()
  settingsFolder = join(portal.folder, 'settings')
  const { exit } = await mrg('login', portal.address, join(portal.folder, 'admin.token'))
  expect(exit).toBe(0)
})

afterAll(() => portal[Symbol.asyncDispose]())

/** As somebody does who logged in. */
async function mrg(...argv: readonly string[]) {
  const login = readLogin(settingsFolder)
  const { host, out, err } = recordingHost(typeof login === 'object' ? login.portal : '127.0.0.1:9')
  const self = { caller: undefined, login }
  const exit = await main(mrgImage, argv, { ...host, self, settingsFolder })
  return { exit, out: out.join('\n'), err: err.join('\n') }
}

async function mrs(...argv: readonly string[]) {
  const { host, out, err } = recordingHost('/nowhere/agent.sock')
  const exit = await main(mrsImage, argv, { ...host, settingsFolder })
  return { exit, out: out.join('\n'), err: err.join('\n') }
}

test('who logged in is known from then on, and can ask who that is', async () => {
  const { out } = await mrg('show', 'caller')
  expect(out).toMatch(/^You are +robot:first-admin\nRole +admin\nUntil +\d{4}-/)
})

describe('a facility', () => {
  test('joins by the line that "new token" prints', async () => {
    expect((await mrg('new', 'facility', 'lab1')).exit).toBe(0)
    const { out } = await mrg('new', 'token', 'lab1')
    const [, address = '', token = ''] = /mrs-image join (\S+) (\S+) --data DIR/.exec(out) ?? []
    const data = join(portal.folder, 'lab1')
    const joined = await mrs('join', address, token, '--data', data)
    expect(joined.out).toContain(`merge-image agent --data ${data}`)
    await expect(readIdentity(data, new Date())).resolves.toMatchObject({ portal: portal.address })
    const file = join(portal.folder, 'join.token')
    await writeFile(file, `${token}\n`)
    const byFile = await mrs('join', address, file, '--data', `${data}-again`)
    expect(byFile).toMatchObject({ exit: 1, err: expect.stringContaining('was used before') })
    const again = await mrs('join', address, token, '--data', `${data}-again`)
    expect(again).toMatchObject({ exit: 1, err: expect.stringContaining('was used before') })
  })

  test('has certificates that are listed, and revoked by its name or by their number', async () => {
    await portal.joined('lab1')
    const { out } = await mrg('list', 'certificates', '--facility', 'lab1', '--json')
    const [{ serial } = { serial: '' }] = JSON.parse(out) as { serial: string }[]
    expect((await mrg('revoke', 'certificate', serial)).out).toBe(
      `${serial} of agent:lab1\n1 certificate revoked.`,
    )
    const all = await mrg('revoke', 'certificate', 'lab1', '--reason', 'sold')
    expect(all.out).toMatch(/1 certificate revoked\.$/)
    expect((await mrg('list', 'certificates')).out).toMatch(/agent:lab1 .* sold/)
  })
})

describe('a robot', () => {
  test('is made, listed, given a new token and taken away', async () => {
    const made = await mrg('new', 'robot', 'nightly', '--role', 'producer', '--days', '30')
    expect(made.out).toMatch(/^Robot nightly is producer until .*:\n\nmir\./)
    expect((await mrg('list', 'robots')).out).toMatch(/\nnightly +producer /)
    expect((await mrg('rotate', 'robot', 'nightly')).out).toMatch(/\n\nmir\./)
    expect((await mrg('delete', 'robot', 'nightly')).out).toBe('nightly is nobody any more.')
    const gone = await mrg('rotate', 'robot', 'nightly')
    expect(gone).toMatchObject({ exit: 1, err: expect.stringContaining('no robot "nightly"') })
  })

  test('is told when its days make no sense', async () => {
    const { exit, err } = await mrg('new', 'robot', 'x', '--role', 'producer', '--days', '0')
    expect({ exit, err }).toMatchObject({ exit: 2, err: expect.stringContaining('from 1 to 400') })
  })
})

test('a role is given by a claim, listed, and taken away', async () => {
  const given = await mrg('grant', 'role', 'producer', 'project_path=images/debian')
  expect(given.out).toBe('Whoever has project_path=images/debian is producer.')
  expect((await mrg('list', 'grants')).out).toMatch(/\nproject_path=images\/debian +producer /)
  expect((await mrg('revoke', 'role', 'producer', 'project_path=images/debian')).exit).toBe(0)
  expect((await mrg('list', 'grants')).out).toBe('No grants.')
  expect(await mrg('grant', 'role', 'producer', 'nothing')).toMatchObject({
    exit: 2,
    err: expect.stringContaining('CLAIM=VALUE'),
  })
})

test('a login with what is no token, or at another portal, keeps nothing', async () => {
  const file = join(portal.folder, 'x.token')
  await writeFile(file, 'x')
  expect(await mrg('login', portal.address, file)).toMatchObject({ exit: 1 })
  await using other = await securedPortal()
  const theirs = await mrg('login', other.address, join(portal.folder, 'admin.token'))
  expect(theirs).toMatchObject({ exit: 1, err: expect.stringContaining('is not the portal') })
  expect(readLogin(settingsFolder)).toMatchObject({ portal: portal.address })
})

test('what a login kept and cannot be read any more is said to be so, and nobody is asked without it', async () => {
  const file = join(settingsFolder, 'login.json')
  const kept = await readFile(file)
  for (const broken of ['{', '{"portal":"x:1"}']) {
    await writeFile(file, broken)
    expect(await mrg('show', 'caller')).toMatchObject({
      exit: 1,
      err: expect.stringContaining('cannot be read'),
    })
  }
  await writeFile(file, kept)
})

test('who logged out is nobody', async () => {
  await mrg('logout')
  expect(readLogin(settingsFolder)).toBeUndefined()
})
