import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { servePeers, serveSocket } from '../../agent/serving.ts'
import { chunkPlane } from '../../lib/chunks/plane.ts'
import { chunkService } from '../../lib/chunks/serve.ts'
import { connect, openChannel } from '../../lib/rpc/connect.ts'
import { insecurely } from '../../lib/rpc/security.ts'
import { mount, type Gate } from '../../lib/rpc/serve.ts'
import { peerAccess } from '../../agent/access.ts'
import { identifyInsecurely } from '../../lib/rpc/caller.ts'
import { collect, holding, chunksOf, digestsOf, runOf } from '../support/chunks.ts'
import { joinDigests, type Digest } from '../../lib/content/digest.ts'
import { encodeRun } from '../../lib/chunks/run.ts'
import { encodeUploadId } from '../../lib/chunks/plane.ts'
import { remoteSource } from '../../lib/chunks/remote.ts'
import { temporaryFolder } from '../support/folder.ts'
import { recorder } from '../support/log.ts'
import { streamOf } from '../support/rpc.ts'

const chunks = chunksOf('served', 10)
const service = mount(chunkPlane, chunkService({ source: holding(chunks) }), peerAccess)
const gate: Gate = {
  identify: identifyInsecurely,
  log: recorder().log,
  clock: () => 0,
  recognise: (error) => error,
}

test('the socket is for its user alone, and takes the place of what a predecessor left', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'agent.sock')
  await writeFile(path, 'left by a crash', { mode: 0o666 })
  await using _ = await serveSocket(path, [service], gate)
  const made = await stat(path)
  expect(made.isSocket()).toBe(true)
  expect(made.mode & 0o777).toBe(0o600)
  await writeFile(join(folder.path, 'later'), '', { mode: 0o666 })
  expect((await stat(join(folder.path, 'later'))).mode & 0o777).not.toBe(0o600)
  using channel = openChannel(`unix:${path}`, 'admin')
  const asked = { digests: joinDigests(digestsOf(chunks)), uploadId: '' }
  expect(await connect(chunkPlane, channel).findMissing(asked)).toEqual({
    digests: Buffer.alloc(0),
  })
})

test('a path that is too long for a socket says so, and how to give a shorter one', async () => {
  const path = join('/tmp', 'x'.repeat(108))
  await expect(serveSocket(path, [service], gate)).rejects.toMatchObject({
    reason: 'INVALID_FIELD',
    message: expect.stringContaining('--socket'),
  })
})

test('peers fetch, and store nothing; whoever is no agent does neither', async () => {
  await using server = await servePeers('127.0.0.1:0', service, gate, insecurely('agent:lab1'))
  const as = (caller: string) => openChannel(`127.0.0.1:${server.port}`, caller)
  using agents = as('agent:lab2')
  using others = as('producer:alice')
  const [agent, other] = [connect(chunkPlane, agents), connect(chunkPlane, others)]
  const runs = await collect(remoteSource(agent).fetch(digestsOf(chunks)))
  expect(runs.flatMap(({ entries }) => entries)).toHaveLength(chunks.length)
  const none = remoteSource(agent).missing(['0'.repeat(64) as Digest, ...digestsOf(chunks)])
  expect(await none).toEqual(['0'.repeat(64)])
  const denied = { kind: 'denied', reason: 'NOT_ALLOWED' }
  const stored = agent.storeChunks(streamOf(encodeUploadId('x'), encodeRun(runOf(chunks))))
  await expect(stored).rejects.toMatchObject(denied)
  const asked = { digests: joinDigests(digestsOf(chunks)) }
  await expect(collect(other.fetchChunks(asked))).rejects.toMatchObject(denied)
  await expect(other.findMissing({ ...asked, uploadId: '' })).rejects.toMatchObject(denied)
})
