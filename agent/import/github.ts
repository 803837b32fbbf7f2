import type { Ask } from './asking.ts'
import { address } from './naming.ts'

/** What a repository at GitHub has, by its REST API (https://docs.github.com/rest). */
export function githubAsk(
  { url, repository }: { readonly url: string; readonly repository: string },
  words: readonly (string | number)[],
  accept = 'application/vnd.github+json',
): Ask {
  return {
    url: address(url, ['repos', ...repository.split('/'), ...words.map(String)]),
    headers: { accept, 'x-github-api-version': '2022-11-28' },
  }
}

/** A list of a hundred. */
export function githubList(...args: Parameters<typeof githubAsk>): Ask {
  const ask = githubAsk(...args)
  ask.url.searchParams.set('per_page', '100')
  return ask
}
