import { Failure, invalid } from '../../lib/failure.ts'
import { renderReference } from '../../lib/names/parsed.ts'
import { parseReference } from '../../lib/names/reference.ts'
import { wordsOf } from '../../lib/names/resolve.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { Sql } from '../db/open.ts'
import { lockMethods } from '../locks/service.ts'
import { find, renderFailure, renderFound } from './answer.ts'
import { attempt, findMany } from './many.ts'
import { parseQuestion } from './question.ts'
import { makeResolver } from './resolving.ts'
import { groundOf, openSources, type Sources } from './sources.ts'
import { encodeAnswer, toMessage, type resolverPlane } from './wire.ts'

type Methods = Service<typeof resolverPlane, [call: Call]>

export function resolverService(deps: {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUlid: () => string
}): Methods {
  const sources = openSources(deps.sql)
  const resolver = makeResolver(sources, deps.now)
  // A large world takes a second to read: who calls first need not wait for it, and is told if it cannot be read.
  sources.snapshot().catch(() => undefined)
  return { ...resolving(sources, deps.now), ...lockMethods({ ...deps, resolver }) }
}

const mostRequests = 1000

function resolving(
  sources: Sources,
  now: () => Date,
): Pick<Methods, 'resolveImage' | 'batchResolveImages' | 'parseReference'> {
  return {
    async resolveImage(request) {
      const time = now()
      const question = parseQuestion(request, time)
      const ground = await groundOf(question, sources, time)
      return sources.remembered(question, ground, async () =>
        encodeAnswer(await renderFound(find(question, ground), ground, sources.rendered)),
      )
    },

    async batchResolveImages({ requests }) {
      if (requests.length > mostRequests) {
        throw invalid('INVALID_FIELD', `Ask for ${mostRequests} references at most in one batch.`, {
          field: 'requests',
        })
      }
      const time = now()
      const questions = requests.map((request) => attempt(() => parseQuestion(request, time)))
      const { snapshot, answers } = await findMany(questions, sources, time)
      const results = answers.map(async (answer) => ({
        result:
          answer instanceof Failure
            ? { $case: 'failure' as const, value: renderFailure(answer) }
            : {
                $case: 'answer' as const,
                value: toMessage(await renderFound(answer.found, answer.ground, sources.rendered)),
              },
      }))
      return { results: await Promise.all(results), generation: snapshot.generation }
    },

    async parseReference({ reference }) {
      const { world, generation } = await sources.snapshot()
      return renderReference(parseReference(reference, wordsOf(world)), generation)
    },
  }
}
