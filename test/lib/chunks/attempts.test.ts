import { describe, expect, test } from '@jest/globals'
import { isTransient, persistently, type Patience } from '../../../lib/chunks/attempts.ts'

/** An error as the SDK makes them of answers. */
function refusal(name: string, status: number, headers = {}): Error {
  const meta = { $metadata: { httpStatusCode: status }, $response: { headers } }
  return Object.assign(new Error(name), { name }, meta)
}

const slowDown = refusal('SlowDown', 503)
const same = (error: unknown): unknown => error

/** How long it waited, with chance always at its `random`. */
async function waited(random: number, error: Error, patience: Partial<Patience> = {}) {
  const times: number[] = []
  const asked = { attempts: 4, firstMs: 20, mostMs: 60, random: () => random, ...patience }
  const send = () => {
    times.push(performance.now())
    return Promise.reject(error)
  }
  await expect(persistently(send, asked, same)).rejects.toBe(error)
  return times.slice(1).map((time, i) => time - (times[i] ?? 0))
}

describe('asking persistently', () => {
  test('waits up to twice as long each time, and never longer than the longest', async () => {
    const waits = await waited(1, slowDown)
    const least = [19, 39, 59]
    expect(waits.map((ms, i) => ms >= (least[i] ?? 0))).toEqual([true, true, true])
  })

  test('waits anything down to nothing, so that many do not come back together', async () => {
    const all = await waited(0, slowDown, { firstMs: 60_000, mostMs: 60_000 })
    expect(Math.max(...all)).toBeLessThan(1000)
  })

  test('waits at least as long as the server asks for', async () => {
    const error = refusal('SlowDown', 503, { 'retry-after': '1' })
    const [first = 0] = await waited(0, error, { attempts: 2, mostMs: 50 })
    expect(first).toBeGreaterThanOrEqual(49)
  })

  test('ends a wait at once when its signal aborts', async () => {
    const stopping = new AbortController()
    const patience = { attempts: 2, firstMs: 60_000, mostMs: 60_000, random: () => 1 }
    const send = () => {
      setImmediate(() => {
        stopping.abort(new Error('no more'))
      })
      return Promise.reject(slowDown)
    }
    const asked = persistently(send, patience, same, stopping.signal)
    await expect(asked).rejects.toThrow('no more')
  })

  test('says how often it tried', async () => {
    const patience = { attempts: 3, firstMs: 1, mostMs: 1, random: () => 0 }
    const tell = (_: unknown, tries: number): Error => new Error(`${tries} tries`)
    const asked = persistently(() => Promise.reject(slowDown), patience, tell)
    await expect(asked).rejects.toThrow('3 tries')
  })
})

describe('what may fare better in a moment', () => {
  const network = (code: string): Error => Object.assign(new Error(code), { code })

  test.each([
    slowDown,
    refusal('InternalError', 500),
    refusal('TooManyRequests', 429),
    refusal('BadDigest', 400),
    refusal('OperationAborted', 409),
    refusal('an answer cut in its XML', 200),
    network('ECONNRESET'),
    network('EPIPE'),
    network('HPE_INVALID_CONSTANT'),
  ])('is %s', (error) => {
    expect(isTransient(error)).toBe(true)
  })

  test.each([
    refusal('AccessDenied', 403),
    refusal('NoSuchBucket', 404),
    refusal('InvalidRequest', 400),
    refusal('NotImplemented', 501),
    refusal('InsufficientStorage', 507),
    refusal('RequestTimeTooSkewed', 403),
    network('ENOTFOUND'),
    network('CERT_HAS_EXPIRED'),
    new Error('a defect'),
  ])('is not %s', (error) => {
    expect(isTransient(error)).toBe(false)
  })
})
