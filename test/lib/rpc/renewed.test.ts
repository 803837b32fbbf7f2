import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { chunkPlane } from '../../../lib/chunks/plane.ts'
import { readCertified } from '../../../lib/rpc/certified.ts'
import { connect } from '../../../lib/rpc/connect.ts'
import { certifiedBy } from '../../../lib/rpc/security.ts'
import { renewable } from '../../../lib/rpc/shown.ts'
import { hoursAround, makeAuthority, type Authority } from '../../support/authority.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'
import { nothing, served } from '../../support/rpc.ts'

let folder: Folder
let authority: Authority

beforeAll(async () => {
  folder = await temporaryFolder()
  authority = await makeAuthority(folder.path, hoursAround(new Date(), 24))
})

afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

const now = () => new Date()
const issued = async (path: string) =>
  readCertified(await authority.issue(`spiffe://merge.test/${path}`), now())

test('certificates of both ends are renewed 100 times under load without a failed call', async () => {
  const [portal, agent] = [renewable(await issued('portal')), renewable(await issued('agent/lab1'))]
  const serials = new Set<string>()
  const gate = Promise.withResolvers<undefined>()
  await using server = await served(
    {
      findMissing: (_, { caller }) => {
        serials.add(caller.credential?.id ?? '')
        return Promise.resolve({ digests: Buffer.alloc(0) })
      },

      fetchChunks: async function* () {
        await gate.promise
        yield* []
      },
    },
    { security: certifiedBy(portal, now) },
  )
  using channel = certifiedBy(agent, now).open(server.address, 'portal')
  const client = connect(chunkPlane, channel)
  const long = client.fetchChunks(nothing)[Symbol.asyncIterator]().next()
  let calls = 0
  let isOver = false as boolean
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      await client.findMissing(nothing)
      calls++
    }
  })
  const ofPortal = await Promise.all(Array.from({ length: 4 }, () => issued('portal')))
  const ofAgent = await Promise.all(Array.from({ length: 10 }, () => issued('agent/lab1')))
  for (let i = 0; i < 100; i++) {
    portal.show({ ...(ofPortal[i % 4] ?? portal.current()) })
    agent.show({ ...(ofAgent[i % 10] ?? agent.current()) })
    const before = calls
    while (calls < before + 8) await client.findMissing(nothing).then(() => calls++)
  }
  isOver = true
  await Promise.all(load)
  gate.resolve(undefined)
  await expect(long).resolves.toMatchObject({ done: true })
  expect(serials.size).toBeGreaterThan(9)
  expect(calls).toBeGreaterThan(800)
}, 60_000)

test('what is watched is told that it had better be watched anew', async () => {
  const agent = renewable(await issued('agent/lab1'))
  using channel = certifiedBy(agent, now).open('127.0.0.1:9', 'portal')
  const { replaced } = channel
  expect(replaced?.aborted).toBe(false)
  agent.show(await issued('agent/lab1'))
  expect(replaced?.aborted).toBe(true)
  expect(channel.replaced?.aborted).toBe(false)
})
