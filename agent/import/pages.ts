import type { ZodType } from 'zod'
import { unreadable } from './answers.ts'
import type { Ask } from './asking.ts'
import { type Client, parsed } from './client.ts'
import type { Content } from './reading.ts'

/** What comes in pages, each of which says where the next one is. */
export async function* pages<T>(
  client: Client,
  schema: ZodType<T>,
  first: Ask,
  most: number,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  let url: URL | undefined = first.url
  for (let page = 0; url !== undefined && page < most; page++) {
    const content: Content = await client.read({ ...first, url }, signal)
    yield parsed(schema, content)
    url = nextOf(content)
  }
}

/** The next page (RFC 8288), which is at the same server: a list sends nobody elsewhere with a credential. */
function nextOf({ url, headers }: Content): URL | undefined {
  const links = [headers['link'] ?? []].flat().join(', ')
  const found = /<([^>]*)>\s*;[^,<]*\brel="?next"?/i.exec(links)?.[1]
  if (found === undefined) return undefined
  const next = URL.canParse(found, url.href) ? new URL(found, url) : undefined
  if (next?.origin === url.origin) return next
  throw unreadable(url, 'has its next page elsewhere, where it is not looked for')
}
