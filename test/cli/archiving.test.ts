import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { isArchived, watched } from '../support/archiving.ts'
import { noise } from '../support/chunks.ts'
import { temporaryFolder } from '../support/folder.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('on the command line', () => {
  let stack: AsyncDisposableStack
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let images: string[]

  beforeAll(async () => {
    stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const flags = ['--archive-dir', join(folder.path, 'archive')]
    portal = stack.use(await freshPortal(undefined, undefined, flags))
    const producer = portal.as('producer')
    images = []
    for (let i = 0; i < 4; i++)
      images.push(await publish(producer, 'debian-13', noise(`${i}`, 50_000)))
  })

  afterAll(() => stack.disposeAsync())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    const exit = await main(mrgImage, argv, host)
    return { exit, out: out.join('\n'), err: err.join('\n') }
  }

  test('archiving waits until the bytes are there', async () => {
    const [image = ''] = images
    expect(await mrg('archive', image)).toMatchObject({ exit: 0, out: `${image} is archived.` })
  })

  test('archiving returns at once where that is asked for', async () => {
    const [, image = ''] = images
    const { out } = await mrg('archive', image, '--async')
    expect(out).toBe(`${image} is on its way to the archive.`)
    await watched(portal.as('producer'), image, isArchived)
  })

  test('archiving the newest of a line fails and says why', async () => {
    const { exit, err } = await mrg('archive', images[3] ?? '')
    expect(exit).not.toBe(0)
    expect(err).toContain('is needed: it is the newest')
  })

  test('expiry needs a reason, tells what it would do, does it, and says how to take it back', async () => {
    const [, , image = ''] = images
    expect((await mrg('expire', image)).exit).not.toBe(0)
    const dry = await mrg('expire', image, '--reason', 'old', '--dry-run')
    expect(dry.out).toMatch(
      `${image} would expire: nothing needs it. It could be brought back until`,
    )
    const { out } = await mrg('expire', image, '--reason', 'old')
    expect(out).toContain(`${image} has expired. "mrg-image restore ${image}" brings it back until`)
  })
})
