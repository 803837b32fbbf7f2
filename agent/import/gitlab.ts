import { z, type ZodType } from 'zod'
import type { Ask } from './asking.ts'
import type { Client } from './client.ts'
import { address } from './naming.ts'
import { pages } from './pages.ts'

/** A project at a GitLab, by its REST API (https://docs.gitlab.com/api/rest/). */
export interface Gitlab {
  ask(words: readonly (string | number)[], query?: Readonly<Record<string, string>>): Ask
  /** A list, page after page. */
  list<T>(schema: ZodType<T>, ask: Ask, signal: AbortSignal): AsyncGenerator<T, void, undefined>
}

const mostPages = 20

export function openGitlab(
  { url, project }: { readonly url: string; readonly project: string },
  client: Client,
): Gitlab {
  return {
    ask(words, query = {}) {
      const at = address(url, ['api', 'v4', 'projects', project, ...words.map(String)])
      for (const [name, value] of Object.entries(query)) at.searchParams.set(name, value)
      return { url: at }
    },
    async *list(schema, ask, signal) {
      ask.url.searchParams.set('per_page', '100')
      for await (const page of pages(client, z.array(schema), ask, mostPages, signal)) yield* page
    },
  }
}
