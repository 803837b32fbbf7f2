import '../support/realm.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openWithToken } from '../../lib/rpc/security.ts'
import { ReplicaState, type Replica } from '../../proto/gen/merge/image/v1/facility.ts'
import { SyncRule } from '../../proto/gen/merge/image/v1/rule.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { makeFacilities } from '../support/facilities.ts'
import { startLine, type Line } from '../support/line.ts'
import { clientsOver, type Clients } from '../support/portal.ts'

const size = 96_000_000
const labs = Array.from({ length: 10 }, (_, i) => `lab${i + 1}`)
/** A core each, so that ten do not start twenty threads. */
const onOneCore = (lab: string) => ['taskset', '-c', String(labs.indexOf(lab) % 2)]

describe('a release that ten facilities want by a rule, while they, the portal and the lines fail', () => {
  const stack = new AsyncDisposableStack()
  let testbed: Testbed
  let admin: Clients
  let line: Line
  /** All that the portal sends them goes over it, and it is cut. */

  beforeAll(async () => {
    testbed = stack.use(await startTestbed([], { more: () => ['--serve-rate', '16000000'] }))
    line = stack.use(await startLine(testbed.portalAddress))
    const folder = join(testbed.folder, 'portal')
    const authority = await readFile(join(folder, 'authority', 'certificate.pem'))
    const token = (await readFile(join(folder, 'admin.token'), 'utf8')).trim()
    admin = stack.use(clientsOver(openWithToken(testbed.portalAddress, { authority, token })))
    await makeFacilities(admin, ...labs)
    for (const facility of labs) {
      const rule = SyncRule.create({
        facility,
        name: 'debian',
        patterns: ['debian-*-*-*'],
        newest: 1,
      })
      await admin.rules.putSyncRule({ requestId: randomUUID(), rule, etag: '' })
    }
    await Promise.all(labs.map(start))
  }, 120_000)

  afterAll(() => stack.disposeAsync(), 60_000)

  const start = (lab: string) =>
    testbed.startFacility(lab, onOneCore(lab), ['--portal', line.address])

  async function standing(facility: string, image: string): Promise<Replica | undefined> {
    const page = { facility, pageSize: 0, pageToken: '' }
    const { replicas } = await admin.facilities.listReplicas(page)
    return replicas.find((replica) => replica.image === image)
  }

  /** Waits until it has fetched something, and kills it there. */
  async function killInTheMiddle(lab: string, image: string): Promise<void> {
    for (;;) {
      const replica = await standing(lab, image)
      if (replica !== undefined && replica.portalBytes + replica.peerBytes > 0n) break
      await sleep(50)
    }
    await testbed.facilities.get(lab)?.stop('SIGKILL')
    await start(lab)
  }

  async function held(image: string): Promise<void> {
    for (;;) {
      const all = await Promise.all(labs.map((lab) => standing(lab, image)))
      const { REPLICA_STATE_PRESENT } = ReplicaState
      if (all.every((one) => one?.state === REPLICA_STATE_PRESENT)) return
      await sleep(200)
    }
  }

  test('is whole at all ten, and costs the portal one and a half copies at most', async () => {
    const before = line.passed.down
    const path = join(testbed.folder, 'disk.raw')
    await writeFile(path, randomBytes(size))
    const published = await testbed.mrg<{ readonly image: { readonly name: string } }>(
      ...['publish', path, '--as', 'debian-13'],
    )
    const image = published.image.name
    await killInTheMiddle('lab1', image)
    line.cut()
    await testbed.portal.stop('SIGKILL')
    line.cut()
    await sleep(2000)
    await testbed.restartPortal()
    await killInTheMiddle('lab5', image)
    line.cut()
    await killInTheMiddle('lab2', image)
    await held(image)
    for (const lab of labs) await testbed.mrs(lab, 'verify', image)
    const copies = (line.passed.down - before) / size
    process.stdout.write(`${copies.toFixed(2)} copies from the portal for ten\n`)
    expect(copies).toBeLessThanOrEqual(1.5)
  }, 180_000)
})
