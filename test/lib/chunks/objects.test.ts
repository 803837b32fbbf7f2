import { afterAll, describe, expect, test } from '@jest/globals'
import { type Bucket, type BucketOptions, openBucket } from '../../../lib/chunks/bucket.ts'
import { collect, noise } from '../../support/chunks.ts'
import '../../support/realm.ts'
import { type Mishap, type Passing, type Proxy, startProxy } from '../../support/proxy.ts'
import { newBucket, newFolder, type S3, s3Server } from '../../support/s3.ts'

const bytes = noise('pack', 3_000_000)
const quick = { attempts: 4, firstMs: 1, mostMs: 4 }

type Course = (passing: Passing) => Mishap | undefined

/** A bucket behind a proxy, whose course begins once the bucket is open. */
async function troubled(
  shared: BucketOptions,
  course: Course,
  options: Partial<BucketOptions> = {},
) {
  const where = newFolder(shared)
  let begun = false
  const proxy = await startProxy(where.endpoint ?? '', (passing) =>
    begun ? course(passing) : undefined,
  )
  const near = { ...where, endpoint: proxy.endpoint, patience: quick, ...options }
  const [bucket, direct] = [await openBucket(near), await openBucket(where)]
  await direct.put('packs/there', [bytes])
  proxy.forget()
  begun = true
  return { bucket, direct, proxy, [Symbol.asyncDispose]: () => closeAll(proxy, bucket, direct) }
}

async function closeAll(...all: readonly AsyncDisposable[]): Promise<void> {
  for (const one of all) await one[Symbol.asyncDispose]()
}

/** What befalls the first requests for each object. The answer to a HEAD has no name, so no server refuses one by it. */
const first =
  (mishap: Mishap, times = 1): Course =>
  ({ time, method }) => {
    if (method === 'HEAD' && mishap.kind === 'answer' && mishap.status < 500) return undefined
    return time <= times ? mishap : undefined
  }

async function isWhole(bucket: Bucket, key: string): Promise<boolean> {
  return bytes.equals(await bucket.range(key, 0, bytes.length))
}

function requests({ passed }: Proxy, method: string, key: string): number {
  return passed.filter((one) => one.method === method && one.path.endsWith(key)).length
}

const answer = (status: number, name: string): Mishap => ({ kind: 'answer', status, name })

async function againstServer(s3: S3): Promise<void> {
  const shared = await newBucket(s3)
  const passing: readonly [string, Mishap][] = [
    ['answers 500', answer(500, 'InternalError')],
    ['answers 503 SlowDown', answer(503, 'SlowDown')],
    ['answers 400 RequestTimeout', answer(400, 'RequestTimeout')],
    ['answers 409, for another is writing', answer(409, 'ConditionalRequestConflict')],
    ['is cut off in the request', { kind: 'cut' }],
    ['is cut off before its answer', { kind: 'cutAnswer' }],
  ]
  describe.each(passing)('a server that %s', (_, mishap) => {
    test('and then is well again is asked again: a put is whole, and nobody else’s', async () => {
      await using at = await troubled(shared, first(mishap, 2))
      await at.bucket.put('packs/A', [bytes.subarray(0, 10), bytes.subarray(10)])
      expect(requests(at.proxy, 'PUT', 'packs/A')).toBeGreaterThan(1)
      expect(await isWhole(at.direct, 'packs/A')).toBe(true)
      await expect(at.bucket.put('packs/A', [])).rejects.toMatchObject({ reason: 'FILE_EXISTS' })
    })

    test('and then is well again is asked again: a range, a list, a look and a deletion are right', async () => {
      await using at = await troubled(shared, first(mishap, 2))
      expect(await isWhole(at.bucket, 'packs/there')).toBe(true)
      const there = { key: 'packs/there', sizeBytes: bytes.length }
      expect(await collect(at.bucket.list('packs/'))).toEqual([there])
      expect(await at.bucket.stat('packs/there')).toEqual(there)
      await at.bucket.delete('packs/there')
      expect(await at.direct.stat('packs/there')).toBeUndefined()
    })

    test('for good ends in one clear error, after so many tries', async () => {
      await using at = await troubled(shared, first(mishap, Infinity))
      const failed = { kind: 'unavailable', message: expect.stringContaining(', 4 times') }
      await expect(at.bucket.range('packs/there', 0, 1)).rejects.toMatchObject(failed)
      expect(requests(at.proxy, 'GET', 'packs/there')).toBe(4)
      await expect(at.bucket.put('packs/B', [bytes])).rejects.toMatchObject(failed)
    })
  })

  describe('a range', () => {
    test.each([0, 1, 1_000_000, 2_999_999])(
      'that is cut after %d bytes is read again',
      async (after) => {
        await using at = await troubled(shared, first({ kind: 'cutAnswer', after }))
        expect(await isWhole(at.bucket, 'packs/there')).toBe(true)
        expect(requests(at.proxy, 'GET', 'packs/there')).toBe(2)
      },
    )

    test.each([0, 1_000_000])('that stalls after %d bytes is read again', async (after) => {
      await using at = await troubled(shared, first({ kind: 'stall', after }), { stallMs: 300 })
      expect(await isWhole(at.bucket, 'packs/there')).toBe(true)
    })

    test('that stalls for good ends in an error that says so', async () => {
      const course = first({ kind: 'stall', after: 5 }, Infinity)
      await using at = await troubled(shared, course, { stallMs: 200 })
      const reading = at.bucket.range('packs/there', 0, bytes.length)
      await expect(reading).rejects.toMatchObject({ reason: 'UNREACHABLE' })
    })

    test('that stalls ends at once when its signal aborts', async () => {
      await using at = await troubled(shared, first({ kind: 'stall', after: 5 }, Infinity))
      const stopping = new AbortController()
      const reading = at.bucket.range('packs/there', 0, bytes.length, stopping.signal)
      setTimeout(() => {
        stopping.abort(new Error('no more'))
      }, 100)
      await expect(reading).rejects.toThrow('no more')
    })

    test('whose answer has other bytes than asked for is not believed', async () => {
      const name = 'content-range'
      const course = first({ kind: 'header', name, value: 'bytes 9-18/3000000' }, Infinity)
      await using at = await troubled(shared, course)
      const reading = at.bucket.range('packs/there', 0, 10)
      await expect(reading).rejects.toMatchObject({ reason: 'NOT_READY' })
    })
  })

  test('many ranges at once over a bad line are all right, and leave no connection behind', async () => {
    const course: Course = ({ time }) => {
      if (time % 7 === 0) return { kind: 'cutAnswer', after: 20_000 }
      return time % 11 === 0 ? answer(503, 'SlowDown') : undefined
    }
    await using at = await troubled(shared, course, { patience: { ...quick, attempts: 10 } })
    const starts = Array.from({ length: 200 }, (_, i) => i * 10_000)
    const ranges = await Promise.all(
      starts.map((start) => at.bucket.range('packs/there', start, 50_000)),
    )
    const right = ranges.map((range, i) =>
      bytes.subarray(i * 10_000, i * 10_000 + 50_000).equals(range),
    )
    expect(right.every(Boolean)).toBe(true)
    expect(at.proxy.sockets()).toBeLessThanOrEqual(50)
    await at.bucket[Symbol.asyncDispose]()
    for (let waits = 0; at.proxy.sockets() > 0 && waits < 100; waits++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(at.proxy.sockets()).toBe(0)
  })

  test('what is refused is not asked again', async () => {
    await using at = await troubled(shared, first(answer(403, 'AccessDenied'), Infinity))
    await expect(at.bucket.put('packs/A', [bytes])).rejects.toThrow(/s3:PutObject/)
    await expect(at.bucket.range('packs/there', 0, 1)).rejects.toThrow(/s3:GetObject/)
    await expect(at.bucket.delete('packs/there')).rejects.toThrow(/s3:DeleteObject/)
    await expect(collect(at.bucket.list('packs/'))).rejects.toThrow(/s3:ListBucket/)
    expect(at.proxy.passed.filter(({ time }) => time > 1)).toEqual([])
  })

  test('a full server is DISK_FULL', async () => {
    await using at = await troubled(shared, first(answer(403, 'QuotaExceeded'), Infinity))
    const put = at.bucket.put('packs/A', [bytes])
    await expect(put).rejects.toMatchObject({ kind: 'exhausted', reason: 'DISK_FULL' })
  })
}

const s3 = await s3Server()
afterAll(async () => {
  await s3?.[Symbol.asyncDispose]()
})
if (s3 !== undefined) await againstServer(s3)
else test.todo('needs an S3 server')
