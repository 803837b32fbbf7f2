import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freshAgent, pull } from '../support/agent.ts'
import { makeFacilities } from '../support/facilities.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'

const bytes = 5_000_000
const rate = 1_000_000

describe('5 MB', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let image: string
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    portal = stack.use(await freshPortal(undefined, undefined, ['--serve-rate', '1000000']))
    await makeFacilities(portal.as('admin'), 'lab1', 'lab2', 'lab3')
    image = await publish(portal.as('producer'), 'debian-13', randomBytes(bytes))
  })

  afterAll(() => stack.disposeAsync())

  /**
   * Pulls the image and answers with the rate at which it came from there, without what a bucket that was full lets through at once: beside a
   * slow peer, the portal may send some of it.
   */
  async function rateAt(
    facility: string,
    from: readonly ('portalBytes' | 'peerBytes')[],
    limit: number,
    flags: readonly string[],
  ): Promise<number> {
    const agent = stack.use(await freshAgent(portal, facility, { flags }))
    const { elapsedMs, local } = await pull(agent, image)
    const sent = from.reduce((sum, origin) => sum + Number(local?.replica?.[origin]), 0)
    const came = (sent - limit / 4) / (Number(elapsedMs) / 1000)
    process.stdout.write(
      `${((came / limit) * 100).toFixed(1)} % of the rate at ${facility}, ${sent} bytes\n`,
    )
    return came / limit
  }

  // A busy machine may be slower; none may be faster.
  test('from a portal take as long as its --serve-rate says', async () => {
    const share = await rateAt('lab1', ['portalBytes'], rate, ['--serve-rate', String(rate)])
    expect(share).toBeLessThan(1.05)
    expect(share).toBeGreaterThan(0.7)
  }, 60_000)

  test('from a peer take as long as its --serve-rate says', async () => {
    const share = await rateAt('lab2', ['peerBytes'], rate, [])
    expect(share).toBeLessThan(1.05)
    expect(share).toBeGreaterThan(0.7)
  }, 60_000)

  test('take as long as --fetch-rate says', async () => {
    const share = await rateAt('lab3', ['portalBytes', 'peerBytes'], rate / 2, [
      ...['--fetch-rate', String(rate / 2)],
    ])
    expect(share).toBeLessThan(1.05)
    expect(share).toBeGreaterThan(0.7)
  }, 60_000)
})
