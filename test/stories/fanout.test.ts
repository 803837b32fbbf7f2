import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ReplicaState, type Replica } from '../../proto/gen/merge/image/v1/facility.ts'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { clientsAs, type Clients } from '../support/portal.ts'

interface Published {
  readonly image: { readonly name: string }
}

const size = 32_000_000
const labs = Array.from({ length: 10 }, (_, i) => `lab${i + 1}`)
/** A core each, so that ten do not start twenty threads. */
const onOneCore = (i: number) => ['taskset', '-c', String(i % 2)]

const copies = (replicas: readonly Replica[]): number =>
  replicas.reduce((sum, { portalBytes }) => sum + Number(portalBytes), 0) / size

describe('one image for ten facilities', () => {
  let testbed: Testbed
  let admin: Clients

  beforeAll(async () => {
    testbed = await startTestbed([], { insecure: true })
    admin = clientsAs(testbed.portalAddress, 'admin')
    await makeFacilities(admin, ...labs, 'late')
    await Promise.all(labs.map((lab, i) => testbed.startFacility(lab, onOneCore(i))))
  }, 120_000)

  afterAll(async () => {
    admin[Symbol.dispose]()
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  async function publish(target: string): Promise<string> {
    const path = join(testbed.folder, 'disk.raw')
    await writeFile(path, randomBytes(size))
    const published = await testbed.mrg<Published>('publish', path, '--as', target)
    return published.image.name
  }

  const pushTo = (facilities: readonly string[], image: string) =>
    Promise.all(facilities.map((facility) => push(admin, facility, image)))

  async function standing(facility: string, image: string): Promise<Replica | undefined> {
    const page = { facility, pageSize: 0, pageToken: '' }
    const { replicas } = await admin.facilities.listReplicas(page)
    return replicas.find((replica) => replica.image === image)
  }

  /** Waits until all hold the image, and says how it came to each. */
  async function held(facilities: readonly string[], image: string): Promise<Replica[]> {
    for (;;) {
      const all = await Promise.all(facilities.map((facility) => standing(facility, image)))
      const present = all.filter(
        (replica) => replica?.state === ReplicaState.REPLICA_STATE_PRESENT,
      ) as Replica[]
      if (present.length === facilities.length) return present
      await setTimeout(200)
    }
  }

  test('costs the portal at most one and a half copies, and one who comes late almost nothing', async () => {
    const image = await publish('debian-12')
    await pushTo(labs, image)
    expect(copies(await held(labs, image))).toBeLessThanOrEqual(1.5)
    await testbed.mrs('lab10', 'verify', image)

    await testbed.startFacility('late', onOneCore(0))
    await pushTo(['late'], image)
    expect(copies(await held(['late'], image))).toBeLessThan(0.1)
  }, 120_000)

  test('costs it no more when one of them is killed in the middle, and that one gets there too', async () => {
    const image = await publish('debian-13')
    await pushTo(labs, image)
    let killed = await standing('lab1', image)
    while ((killed?.portalBytes ?? 0n) === 0n) {
      await setTimeout(50)
      killed = await standing('lab1', image)
    }
    await testbed.facilities.get('lab1')?.stop('SIGKILL')
    const rest = await held(labs.slice(1), image)
    await testbed.startFacility('lab1', onOneCore(0))
    const all = [
      ...rest,
      ...(await held(['lab1'], image)),
      ...(killed === undefined ? [] : [killed]),
    ]
    expect(copies(all)).toBeLessThanOrEqual(1.5)
    await testbed.mrs('lab1', 'verify', image)
  }, 120_000)
})
