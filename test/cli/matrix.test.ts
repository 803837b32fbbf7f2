import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { ReportStateRequest } from '../../proto/gen/merge/image/v1/agent.ts'
import { Replica, ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { makeFacilities, push } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('the matrix of images and facilities', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let [debian, fedora, nowhere] = ['', '', '']

  beforeAll(async () => {
    portal = await freshPortal()
    const admin = portal.as('admin')
    await makeFacilities(admin, 'lab1', 'lab2', 'lab3')
    debian = await publish(portal.as('producer'), 'debian-13', randomBytes(100))
    fedora = await publish(portal.as('producer'), 'fedora-43', randomBytes(100))
    nowhere = await publish(portal.as('producer'), 'ubuntu-2404', randomBytes(100))
    await push(admin, 'lab1', debian)
    await push(admin, 'lab2', debian)
    await push(admin, 'lab2', fedora)
    await report('lab1', 1n, [{ image: debian, state: ReplicaState.REPLICA_STATE_PRESENT }])
    await report('lab2', 1n, [
      { image: debian, state: ReplicaState.REPLICA_STATE_FAILED, error: 'the disk is full' },
      {
        image: fedora,
        state: ReplicaState.REPLICA_STATE_FETCHING,
        totalBytes: 100n,
        peerBytes: 40n,
      },
    ])
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const report = (facility: string, appliedGeneration: bigint, replicas: Partial<Replica>[]) =>
    portal
      .as(`agent:${facility}`)
      .agents.reportState(ReportStateRequest.fromPartial({ facility, appliedGeneration, replicas }))

  async function list(caller: string, ...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const told = ['list', 'images', '--by-facility', '--caller', caller, ...argv]
    expect(await main(mrgImage, told, host)).toBe(0)
    return { lines: out.join('\n').split('\n'), err: err.join('\n') }
  }

  test('says which facility holds which image, and how far the others are', async () => {
    const { lines } = await list('admin')
    expect(lines[0]).toMatch(/^Image +lab1 +lab2 +lab3$/)
    expect(lines.find((line) => line.startsWith(debian))).toMatch(/ present +failed +-$/)
    expect(lines.find((line) => line.startsWith(fedora))).toMatch(/ - +40 % +-$/)
    expect(lines.join('\n')).not.toContain(nowhere)
  })

  test('says which facility lags, and why', async () => {
    const { lines } = await list('admin')
    expect(lines.at(-1)).toBe(`lab2 has carried out generation 1 of 2; ${debian}: the disk is full`)
    expect(lines.join('\n')).not.toContain('lab1 has')
  })

  test('shows a manager its own facility, and says that there are others', async () => {
    const { lines, err } = await list('manager:lab1')
    expect(lines[0]).toMatch(/^Image +lab1$/)
    expect(err).toContain('2 of 3 facilities are not yours to look into')
  })

  test('takes the filters of the list, and is JSON for scripts', async () => {
    const { lines } = await list('admin', '--distro', 'fedora', '--json')
    expect(JSON.parse(lines.join('\n'))).toMatchObject({
      facilities: [{ name: 'lab1' }, { name: 'lab2' }, { name: 'lab3' }],
      images: [{ image: fedora, facilities: { lab2: 'fetching' } }],
    })
  })
})
