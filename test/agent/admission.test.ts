import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { chunkPlane } from '../../lib/chunks/plane.ts'
import { joinDigests, parseDigest, sha256, splitDigests } from '../../lib/content/digest.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { connect, openChannel } from '../../lib/rpc/connect.ts'
import { newKey, privateKeyOf } from '../../lib/tickets/keys.ts'
import { signTicket } from '../../lib/tickets/ticket.ts'
import { freshAgent, pull, type FreshAgent } from '../support/agent.ts'
import { collect } from '../support/chunks.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { manifestOf, publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'

describe('an agent that holds two images', () => {
  const [open, secret, elsewhere] = [randomBytes(300_000), randomBytes(300_000), randomBytes(9000)]
  const chunksOf = (data: Buffer): Buffer => joinDigests(chunkDigests(manifestOf(data)))
  const nowhere = joinDigests([sha256(Buffer.from('nowhere'))])
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let agent: FreshAgent
  let [one, other, third] = ['', '', '']
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    portal = stack.use(await freshPortal())
    const admin = portal.as('admin')
    await makeFacilities(admin, 'lab1', 'lab2', 'lab3')
    one = await publish(admin, 'debian-13', open)
    other = await publish(admin, 'debian-12', secret)
    third = await publish(admin, 'debian-11', elsewhere)
    for (const [lab, image] of [
      ['lab1', one],
      ['lab1', other],
      ['lab2', one],
      ['lab2', third],
      ['lab3', other],
    ] as const) {
      await push(admin, lab, image)
    }
    const folder = stack.use(await temporaryFolder())
    agent = stack.use(await freshAgent(portal, 'lab1', { data: folder.path }))
    await pull(agent, one)
    await pull(agent, other)
  }, 60_000)

  afterAll(() => stack.disposeAsync())

  /** The agent's chunks, asked for as somebody. */
  function as(caller: string) {
    const channel = stack.use(openChannel(agent.agent.peerAddress, caller))
    return connect(chunkPlane, channel)
  }

  const ticketFor = async (facility: string, image: string): Promise<Buffer> => {
    const { ticket } = await portal.as(`agent:${facility}`).agents.getTicket({ facility, image })
    return ticket
  }

  /** What the caller is refused with; undefined if it was served. */
  async function refused(caller: string, ticket: Buffer | undefined) {
    const asked = { digests: chunksOf(open), ticket }
    const answers = [
      as(caller).findMissing({ ...asked, uploadId: '' }),
      collect(as(caller).fetchChunks(asked)),
    ]
    const [first, second] = await Promise.allSettled(answers)
    const reasons = [first, second].map((answer) =>
      answer?.status === 'rejected' ? (answer.reason as { reason: string }).reason : undefined,
    )
    expect(reasons[0]).toBe(reasons[1])
    return reasons[0]
  }

  test('serves another agent the image of its ticket', async () => {
    const ticket = await ticketFor('lab2', one)
    const digests = chunksOf(open)
    const { digests: missing } = await as('agent:lab2').findMissing({
      digests,
      uploadId: '',
      ticket,
    })
    expect(missing).toHaveLength(0)
    const messages = await collect(as('agent:lab2').fetchChunks({ digests, ticket }))
    expect(Buffer.concat(messages).length).toBeGreaterThan(open.length)
  })

  test('lets it learn nothing of other images: their chunks are not there, as those that nobody has', async () => {
    const ticket = await ticketFor('lab2', one)
    const digests = Buffer.concat([chunksOf(secret), nowhere, chunksOf(open)])
    const peer = as('agent:lab2')
    const { digests: missing } = await peer.findMissing({ digests, uploadId: '', ticket })
    expect(missing).toEqual(Buffer.concat([chunksOf(secret), nowhere]))
    const told = async (asked: Buffer): Promise<unknown> => {
      const [digest = ''] = splitDigests(asked)
      const error: unknown = await collect(peer.fetchChunks({ digests: asked, ticket })).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      return String(error).replaceAll(digest, 'it')
    }
    const absent = await told(nowhere)
    expect(absent).toContain('it is not in this store')
    expect(await told(chunksOf(secret).subarray(0, 32))).toBe(absent)
    expect(await told(Buffer.concat([chunksOf(secret).subarray(0, 32), chunksOf(open)]))).toBe(
      absent,
    )
  })

  test('has nothing of an image that it does not hold', async () => {
    const ticket = await ticketFor('lab2', third)
    const digests = Buffer.concat([chunksOf(elsewhere), chunksOf(open)])
    const { digests: missing } = await as('agent:lab2').findMissing({
      digests,
      uploadId: '',
      ticket,
    })
    expect(missing).toEqual(digests)
  })

  test('refuses an agent without a ticket, and one with that of another', async () => {
    expect(await refused('agent:lab2', undefined)).toBe('TICKET_INVALID')
    expect(await refused('agent:lab2', Buffer.alloc(0))).toBe('TICKET_INVALID')
    const ticket = await ticketFor('lab2', one)
    expect(await refused('agent:lab3', ticket)).toBe('TICKET_INVALID')
    expect(await refused('agent:lab2', ticket)).toBeUndefined()
  })

  test('refuses tickets that the portal did not sign, or that have run out', async () => {
    const { sql } = portal
    const [key] = await sql<
      { id: string; privateKey: Buffer }[]
    >`select id, private_key from ticket_key`
    const manifest = parseDigest((await imageNamed(one))?.digest ?? '')
    const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)
    const signed = (by: typeof key, from: number, until: number): Buffer =>
      signTicket(
        { facility: 'lab2', manifest, notBefore: minutes(from), expires: minutes(until) },
        {
          id: by?.id ?? '',
          privateKey: privateKeyOf({ privateKey: by?.privateKey ?? Buffer.of() }),
        },
      )
    const forger = newKey(key?.id ?? '', new Date())
    const forged = { id: forger.id, privateKey: Buffer.from(forger.privateKey) }
    expect(await refused('agent:lab2', signed(forged, 0, 10))).toBe('TICKET_INVALID')
    expect(await refused('agent:lab2', signed(key, -11, -1))).toBe('TICKET_EXPIRED')
    expect(await refused('agent:lab2', signed(key, 2, 10))).toBe('TICKET_INVALID')
    expect(await refused('agent:lab2', signed(key, -1, 10))).toBeUndefined()
  })

  test('serves the portal and admins without', async () => {
    for (const caller of ['portal', 'admin:alice']) {
      const digests = Buffer.concat([chunksOf(secret), chunksOf(open)])
      const { digests: missing } = await as(caller).findMissing({ digests, uploadId: '' })
      expect(missing).toHaveLength(0)
    }
  })

  test('checks tickets while the portal is away, and after a restart', async () => {
    const ticket = await ticketFor('lab2', one)
    await agent[Symbol.asyncDispose]()
    await using alone = await freshAgent({ address: '127.0.0.1:1' }, 'lab1', { data: agent.data })
    using channel = openChannel(alone.agent.peerAddress, 'agent:lab2')
    const asked = { digests: chunksOf(open), uploadId: '', ticket }
    const { digests: missing } = await connect(chunkPlane, channel).findMissing(asked)
    expect(missing).toHaveLength(0)
  })

  async function imageNamed(name: string) {
    const { image } = await portal.as('admin').images.getImage({ name })
    return image
  }
})
