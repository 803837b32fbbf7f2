import type { Readable, Writable } from 'node:stream'

/**
 * The messages of a gRPC stream. The listeners are attached before this returns: grpc-js emits an error without waiting for
 * anyone, and an error that nobody listens to ends the process.
 */
export function messages<T>(stream: Readable): AsyncGenerator<T, void> {
  let failure: { readonly error: Error } | undefined
  let ended = false as boolean
  let wake = (): void => undefined
  stream.on('readable', () => {
    wake()
  })
  stream.on('error', (error: Error) => {
    failure ??= { error }
    wake()
  })
  for (const event of ['end', 'close']) {
    stream.on(event, () => {
      ended = true
      wake()
    })
  }
  return (async function* () {
    for (;;) {
      const message = stream.read() as T | null
      if (message !== null) yield message
      else if (failure !== undefined) throw failure.error
      else if (ended) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  })()
}

/** Writes every message; while one is on its way to the wire the next is made, and no more. It has its bytes by then: grpc-js copies. */
export async function pour(
  source: AsyncIterable<unknown>,
  stream: Writable,
  signal: AbortSignal,
): Promise<void> {
  let previous = Promise.resolve()
  for await (const message of source) {
    await previous
    previous = written(stream, message, signal)
    previous.catch(() => undefined)
  }
  await previous
}

/** grpc-js drops the callback of a write when the call is cancelled; the signal ends the wait then. */
function written(stream: Writable, message: unknown, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const abort = (): void => {
    reject(signal.reason as Error)
  }
  signal.throwIfAborted()
  signal.addEventListener('abort', abort, { once: true })
  stream.write(message, (error) => {
    if (error) reject(error)
    else resolve(undefined)
  })
  return promise.finally(() => {
    signal.removeEventListener('abort', abort)
  })
}
