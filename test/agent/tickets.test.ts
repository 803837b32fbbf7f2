import { describe, expect, test } from '@jest/globals'
import { ticketsFrom } from '../../agent/tickets.ts'
import { unavailable } from '../../lib/failure.ts'

const minute = 60_000

/** A portal that gives numbered tickets for a quarter of an hour, or is away, and a told clock. */
function world() {
  const told = { ms: 0, given: 0, isAway: false }
  const now = (): Date => new Date(told.ms)
  const upstream = {
    agents: {
      getTicket: ({ image }: { readonly image: string }) => {
        if (told.isAway) return Promise.reject(unavailable('UNREACHABLE', 'portal:1 is away'))
        const ticket = Buffer.from(`${image} ${++told.given}`)
        return Promise.resolve({ ticket, expireTime: new Date(told.ms + 15 * minute) })
      },
    },
  }
  const clock = { now: () => told.ms, sleep: () => Promise.resolve() }
  const tickets = ticketsFrom({ facility: 'lab1', upstream, now, clock })
  const ask = async (image = 'debian'): Promise<string | undefined> =>
    (await tickets.of(image)())?.toString()
  /** Lets what was begun come to its end. */
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { told, ask, settled }
}

describe('an agent’s tickets', () => {
  test('are asked for once an image, however many need one', async () => {
    const { ask } = world()
    const all = await Promise.all(Array.from({ length: 5 }, () => ask()))
    expect(new Set(all)).toEqual(new Set(['debian 1']))
    expect(await ask('fedora')).toBe('fedora 2')
  })

  test('are renewed in a long transfer long before they run out, and nobody waits for that', async () => {
    const { told, ask, settled } = world()
    expect(await ask()).toBe('debian 1')
    told.ms = 4 * minute
    expect(await ask()).toBe('debian 1')
    told.ms = 6 * minute
    expect(await ask()).toBe('debian 1')
    await settled()
    expect(await ask()).toBe('debian 2')
    expect(told.given).toBe(2)
  })

  test('count on while the portal is away, until they run out: then it is said why', async () => {
    const { told, ask } = world()
    await ask()
    told.isAway = true
    told.ms = 15 * minute - 1
    expect(await ask()).toBe('debian 1')
    told.ms = 15 * minute
    await expect(ask()).rejects.toMatchObject({
      reason: 'TICKET_EXPIRED',
      message: expect.stringContaining('portal:1 is away'),
    })
    told.isAway = false
    told.ms = 16 * minute
    expect(await ask()).toBe('debian 2')
  })

  test('that the portal does not give are missed with its reason', async () => {
    const { told, ask } = world()
    told.isAway = true
    await expect(ask()).rejects.toThrow(/only to whoever has a ticket.*portal:1 is away/)
  })
})
