import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { peerAccess } from '../../agent/access.ts'
import { chunkPlane } from '../../lib/chunks/plane.ts'
import { chunkService } from '../../lib/chunks/serve.ts'
import type { ChunkSource, Run } from '../../lib/chunks/source.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { mount } from '../../lib/rpc/serve.ts'
import { listen } from '../../lib/rpc/server.ts'
import { ReportStateRequest } from '../../proto/gen/merge/image/v1/agent.ts'
import { Replica, ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { freshAgent, pull, writeOut } from '../support/agent.ts'
import { collect, noise, runsOf } from '../support/chunks.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { temporaryFolder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { recorder } from '../support/log.ts'
import { freshPortal } from '../support/portal.ts'

type Portal = Awaited<ReturnType<typeof freshPortal>>

const present = ReplicaState.REPLICA_STATE_PRESENT

/** What another facility serves in place of the chunks; each of these only delays. */
const liars: Readonly<Record<string, (digests: readonly Digest[]) => AsyncIterable<Run>>> = {
  async *'other bytes of the same length'(digests) {
    for (const digest of digests) {
      await Promise.resolve()
      const entry = { digest, codec: 'raw', storedBytes: 1000, rawBytes: 1000 } as const
      yield { entries: [entry], payload: noise(digest, 1000) }
    }
  },
  'nothing at all': () => runsOf([]),
  async *'a frame that is none'(digests) {
    await Promise.resolve()
    for (const digest of digests) {
      const entry = { digest, codec: 'zstd', storedBytes: 10, rawBytes: 262_144 } as const
      yield { entries: [entry], payload: Buffer.alloc(10) }
    }
  },
  async *'chunks that nobody asked for'() {
    await Promise.resolve()
    const digest = 'f'.repeat(64) as Digest
    const entry = { digest, codec: 'raw', storedBytes: 10, rawBytes: 10 } as const
    yield { entries: [entry], payload: Buffer.alloc(10) }
  },
}

describe('a peer that sends', () => {
  const disk = randomBytes(1_500_000)
  let portal: Portal
  let image: string

  beforeAll(async () => {
    portal = await freshPortal()
  })

  /** Of its own, so that nobody else is said to have it. */
  beforeEach(async () => {
    image = await publish(portal.as('producer'), 'debian-13', disk)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  /** Tells the portal of a holder of the image, and of a facility that wants it. */
  async function claim(liar: string, peerAddress: string, victim: string): Promise<void> {
    await makeFacilities(portal.as('admin'), liar, victim)
    const replica = Replica.create({ image, state: present })
    const report = { facility: liar, peerAddress, replicas: [replica] }
    await portal.as(`agent:${liar}`).agents.reportState(ReportStateRequest.create(report))
    await push(portal.as('admin'), victim, image)
  }

  async function arrives(victim: string): Promise<void> {
    await using folder = await temporaryFolder()
    await using agent = await freshAgent(portal, victim, { serve: false })
    const { local } = await pull(agent, image)
    expect(local?.replica).toMatchObject({ state: present, peerBytes: 0n })
    expect(local?.replica?.portalBytes).toBe(local?.image?.storedBytes)
    await collect(agent.local.verify({ reference: image }))
    await writeOut(agent, image, join(folder.path, 'disk'))
    expect(disk.equals(await readFile(join(folder.path, 'disk')))).toBe(true)
  }

  test.each(Object.keys(liars).map((what, i) => [what, i] as const))(
    '%s only delays',
    async (what, i) => {
      let asked = 0
      const source: ChunkSource = {
        missing: () => Promise.resolve([]),
        fetch: (digests) => {
          asked++
          return liars[what]?.(digests) ?? runsOf([])
        },
      }
      const gate = {
        identify: () => ({ name: 'anyone', role: { kind: 'admin' } }) as const,
        log: recorder().log,
        clock: () => 0,
        recognise: (error: unknown) => error,
      }
      const service = mount(chunkPlane, chunkService({ source }), peerAccess)
      await using server = await listen('127.0.0.1:0', [service], gate)
      await claim(`liar-${i}`, `127.0.0.1:${server.port}`, `victim-${i}`)
      await arrives(`victim-${i}`)
      expect(asked).toBeGreaterThan(0)
    },
  )

  test('nothing, because it is gone, only delays', async () => {
    await claim('gone', '127.0.0.1:1', 'patient')
    await arrives('patient')
  })
})
