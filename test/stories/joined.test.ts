import '../support/realm.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { chunkPlane } from '../../lib/chunks/plane.ts'
import type { Failure } from '../../lib/failure.ts'
import { readIdentity } from '../../lib/identity/kept.ts'
import { connect } from '../../lib/rpc/connect.ts'
import { certifiedBy } from '../../lib/rpc/security.ts'
import { renewable } from '../../lib/rpc/shown.ts'
import { freshAgent, pull } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { temporaryFolder, type Folder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { nothing } from '../support/rpc.ts'
import { securedPortal, type SecuredPortal } from '../support/secured.ts'

const stack = new AsyncDisposableStack()
const [imageBytes, rate] = [10_000_000, 1_000_000]
let portal: SecuredPortal
let folder: Folder
let image: string

beforeAll(async () => {
  folder = stack.use(await temporaryFolder())
  const settings = ['--certificates-for', '3s', '--serve-rate', String(rate)]
  portal = stack.use(await securedPortal(undefined, settings))
  await makeFacilities(portal.admin, 'lab1', 'lab2', 'lab3')
  image = await publish(portal.admin, 'debian-13', randomBytes(imageBytes))
})

afterAll(() => stack.disposeAsync())

async function joinedAgent(facility: string) {
  const data = join(folder.path, facility)
  await portal.join(facility, data)
  return stack.use(await freshAgent(portal, facility, { data, isJoined: true }))
}

const said = (agent: Awaited<ReturnType<typeof joinedAgent>>, msg: string) =>
  agent.recorder.lines.filter((line) => line.msg === msg)

test('an agent that joined fetches on while its certificate and the portal’s are renewed, as often as it takes', async () => {
  const agent = await joinedAgent('lab1')
  const { local, elapsedMs } = await pull(agent, image)
  expect(Number(local?.replica?.portalBytes)).toBeGreaterThan(imageBytes * 0.99)
  expect(Number(local?.replica?.portalBytes)).toBeLessThan(imageBytes * 1.02)
  const renewals = said(agent, 'certificate renewed').length
  process.stdout.write(`${renewals} renewals in ${Number(elapsedMs) / 1000} s of fetching\n`)
  expect(renewals).toBeGreaterThan(3)
  expect(said(agent, 'portal away')).toEqual([])
}, 60_000)

test('an agent that is revoked gets nothing any more within seconds, from peers neither', async () => {
  const [peer, agent] = [await joinedAgent('lab2'), await joinedAgent('lab3')]
  const kept = await readIdentity(agent.data, new Date())
  if (kept === undefined) throw new Error('lab3 has joined')
  const { open } = certifiedBy(renewable(kept.certified), () => new Date())
  using channel = open(peer.agent.peerAddress, 'agent:lab2')
  const ofPeer = connect(chunkPlane, channel)
  // It has no ticket, and is told so as long as it is somebody.
  await expect(ofPeer.findMissing(nothing)).rejects.toMatchObject(withoutTicket)
  using fetching = pullingOf(agent)
  await fetching.begun
  const revoke = { requestId: randomUUID(), serial: '', facility: 'lab3', reason: 'sold' }
  await portal.admin.access.revokeCertificate(revoke)
  const since = performance.now()
  await agent.recorder.line('portal away')
  await refused(() => ofPeer.findMissing(nothing))
  const took = performance.now() - since
  process.stdout.write(`refused by portal and peer ${took.toFixed(0)} ms after it was revoked\n`)
  expect(took).toBeLessThan(3000)
}, 60_000)

/** Fetches the image until it is disposed of. */
function pullingOf({ local }: Awaited<ReturnType<typeof joinedAgent>>) {
  const over = new AbortController()
  const begun = Promise.withResolvers<undefined>()
  const pulling = async (): Promise<void> => {
    const standings = local.pull({ reference: image }, { signal: over.signal })
    for await (const _ of standings) begun.resolve(undefined)
  }
  pulling().catch(() => undefined)
  return {
    begun: begun.promise,
    [Symbol.dispose]: () => {
      over.abort()
    },
  }
}

const withoutTicket = { reason: 'TICKET_INVALID' }

/** Waits until it is refused as revoked. */
async function refused(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const failure: unknown = await call().catch((error: unknown) => error)
    if ((failure as Failure).reason === 'CREDENTIAL_REVOKED') return
    expect(failure).toMatchObject(withoutTicket)
  }
}
