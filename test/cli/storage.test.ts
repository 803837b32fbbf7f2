import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { chunksOf } from '../support/chunks.ts'
import { storeUnder } from '../support/overlapping.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('on the command line, collecting', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(undefined, undefined, ['--collect-grace', '0'])
    const producer = portal.as('producer')
    const uploadId = await storeUnder(producer, 'debian-13', chunksOf('given up', 3))
    await producer.uploads.abortUpload({ requestId: '', uploadId })
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n') }
  }

  test('says what would be done, and does it', async () => {
    const dry = await mrg('collect', '--dry-run')
    expect(dry).toMatchObject({ exit: 0 })
    expect(dry.out).toMatch(/^Would condemn +3 chunks, 3\.0 kB\nWould delete +0 chunks, 0 B\n/)
    const { out } = await mrg('collect')
    expect(out).toMatch(/^Condemned +3 chunks, 3\.0 kB\nBrought back +0 chunks\n/)
    expect(out).toMatch(/^Freed +0 B$/m)
  })

  test('is one document for scripts', async () => {
    const { out } = await mrg('collect', '--dry-run', '--json')
    expect(JSON.parse(out)).toMatchObject({ dryRun: true, deletedPacks: 0 })
  })
})
