import { readImageName } from '../lib/names/name.ts'
import { internal } from '../lib/failure.ts'
import { connect } from '../lib/rpc/connect.ts'
import {
  ResolveImageRequest,
  ResolverServiceService,
} from '../proto/gen/merge/image/v1/resolver.ts'
import type { Context } from './command.ts'

/** The exact name that a reference means now; what is no exact name is resolved, and said. */
export async function exactName(context: Context, reference: string): Promise<string> {
  if (readImageName(reference) !== undefined) return reference
  const { channel, signal, note } = context
  const resolver = connect(ResolverServiceService, channel)
  const request = ResolveImageRequest.create({ reference })
  const { image, warnings } = await resolver.resolveImage(request, { signal })
  const { name } = present(image)
  note(`${reference} is ${name}`)
  for (const { message } of warnings) note(`warning: ${message}`)
  return name
}

/** A message that every answer of its kind holds. */
export function present<T>(message: T | undefined): T {
  if (message !== undefined) return message
  throw internal('INTERNAL', 'The server left out what it was asked for.')
}

interface Page {
  readonly nextPageToken: string
}

/** Every item of a list, page after page. */
export async function everyItem<P extends Page, T>(
  page: (request: { pageSize: number; pageToken: string }) => Promise<P>,
  items: (page: P) => readonly T[],
): Promise<readonly T[]> {
  const found: T[] = []
  let pageToken = ''
  do {
    const answer = await page({ pageSize: 1000, pageToken })
    found.push(...items(answer))
    pageToken = answer.nextPageToken
  } while (pageToken !== '')
  return found
}
