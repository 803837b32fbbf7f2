import { type BucketOptions, openBucket } from '../../lib/chunks/bucket.ts'
import { startProxy } from './proxy.ts'

/**
 * A bucket on a server that overwrites although it is asked not to. No server at hand does, and the condition is signed, so it
 * cannot be dropped on the way: instead, what is in the way of a conditional put is deleted just before.
 */
export async function overwriting(options: BucketOptions) {
  const { bucket, prefix, endpoint = '' } = options
  const direct = await openBucket(options)
  const proxy = await startProxy(endpoint, ({ method, path }) => {
    const key = path.replace(`/${bucket}/${prefix}`, '')
    return method === 'PUT' && key.startsWith('probe/')
      ? { kind: 'after', act: () => direct.delete(key) }
      : undefined
  })
  const close = async () => {
    await direct[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
  }
  return { ...options, endpoint: proxy.endpoint, [Symbol.asyncDispose]: close }
}
