import '../../support/realm.ts'
import { randomUUID } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { joinPortal } from '../../../lib/identity/joining.ts'
import { identityFolder, readIdentity } from '../../../lib/identity/kept.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { securedPortal, type SecuredPortal } from '../../support/secured.ts'

let portal: SecuredPortal
let folder: Folder
let data: string
let made = 0

beforeAll(async () => {
  folder = await temporaryFolder()
  portal = await securedPortal()
  await makeFacilities(portal.admin, 'lab1')
})

afterAll(async () => {
  await portal[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

async function newToken(): Promise<string> {
  const asked = { requestId: randomUUID(), facility: 'lab1' }
  return (await portal.admin.facilities.createJoinToken(asked)).token
}

async function joins(token: string, at = portal.address): Promise<string> {
  data = join(folder.path, `agent-${made++}`)
  const joining = { portal: at, token, data, requestId: randomUUID() }
  return joinPortal(joining, AbortSignal.timeout(20_000))
}

test('who joins keeps who it is, where only it can read that', async () => {
  await expect(joins(await newToken())).resolves.toBe('lab1')
  const kept = await readIdentity(data, new Date())
  expect(kept).toMatchObject({ portal: portal.address, certified: { name: 'agent:lab1' } })
  for (const name of await readdir(identityFolder(data))) {
    expect((await stat(join(identityFolder(data), name))).mode & 0o077).toBe(0)
  }
})

test('who joins tells its token to no other portal, whatever the address says', async () => {
  await using impostor = await securedPortal()
  const token = await newToken()
  await expect(joins(token, impostor.address)).rejects.toMatchObject({
    reason: 'NOT_IDENTIFIED',
    message: expect.stringContaining('is not the portal that made this token'),
  })
  const [{ count } = { count: -1 }] = await impostor.sql<{ count: number }[]>`
    select count(*)::int as count from event where outcome = 'denied'`
  expect(count).toBe(0)
  await expect(joins(token)).resolves.toBe('lab1')
})

test('where no portal answers with TLS, who joins is told so, and the token stays good', async () => {
  const token = await newToken()
  const plain = createServer((socket) => socket.end('SSH-2.0-none\r\n'))
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const { port } = plain.address() as AddressInfo
  for (const address of [`127.0.0.1:${port}`, '127.0.0.1:9', 'no-such-host.invalid:7410']) {
    await expect(joins(token, address)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
  }
  plain.close()
  await expect(joins(token)).resolves.toBe('lab1')
})

test.each(['', 'mij', 'mir.x.y', 'token'])('"%s" is no token to join with', async (text) => {
  await expect(joins(text)).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
})

test('what somebody put in the place of a certificate is said to be none', async () => {
  await joins(await newToken())
  await writeFile(join(identityFolder(data), 'agent.pem'), 'none')
  await expect(readIdentity(data, new Date())).rejects.toMatchObject({ reason: 'INVALID_FIELD' })
})

test('what ran out says how to join again', async () => {
  await joins(await newToken())
  const later = new Date(Date.now() + 8 * 24 * 60 * 60 * 1000)
  await expect(readIdentity(data, later)).rejects.toMatchObject({
    reason: 'NOT_IDENTIFIED',
    message: expect.stringContaining('mrs-image join'),
  })
})
