/** Acts on the items, up to `limit` at once, and yields the results in the order of the items. */
export async function* ahead<T, U>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  act: (item: T) => Promise<U>,
): AsyncGenerator<U, void, undefined> {
  const started: Promise<U>[] = []
  try {
    for await (const item of items) {
      const result = act(item)
      result.catch(() => undefined)
      started.push(result)
      const oldest = started.length < limit ? undefined : started.shift()
      if (oldest !== undefined) yield await oldest
    }
    for (const result of started) yield await result
  } finally {
    await Promise.allSettled(started)
  }
}
