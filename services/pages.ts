import { createHash } from 'node:crypto'
import { invalid } from '../lib/failure.ts'

/** Which page of a list to read. */
export interface Page {
  readonly size: number
  /** The key of the last row of the page before; empty for the first page. */
  readonly after: string
}

const defaultSize = 100
const maxSize = 1000

/** Reads the page of a request. A token holds only with the filter that it was made for. */
export function parsePage(
  request: { readonly pageSize: number; readonly pageToken: string },
  filter: object = {},
): Page {
  if (request.pageSize > maxSize) {
    throw invalid('INVALID_FIELD', `page_size ${request.pageSize} is over ${maxSize}`, {
      field: 'page_size',
    })
  }
  const size = request.pageSize === 0 ? defaultSize : request.pageSize
  if (request.pageToken === '') return { size, after: '' }
  const [print, ...rest] = Buffer.from(request.pageToken, 'base64url').toString().split(' ')
  if (print !== fingerprint(filter) || rest.length === 0) {
    throw invalid(
      'INVALID_FIELD',
      'page_token was not made for this list and filter: begin again without it',
      { field: 'page_token' },
    )
  }
  return { size, after: rest.join(' ') }
}

/** Cuts rows that were read with one more than the page's size. */
export function cutPage<T>(
  rows: readonly T[],
  page: Page,
  keyOf: (row: T) => string,
  filter: object = {},
): { readonly rows: readonly T[]; readonly nextPageToken: string } {
  const kept = rows.slice(0, page.size)
  const last = kept.at(-1)
  if (rows.length <= page.size || last === undefined) return { rows: kept, nextPageToken: '' }
  const token = Buffer.from(`${fingerprint(filter)} ${keyOf(last)}`).toString('base64url')
  return { rows: kept, nextPageToken: token }
}

function fingerprint(filter: object): string {
  return createHash('sha256').update(JSON.stringify(filter)).digest('hex').slice(0, 16)
}
