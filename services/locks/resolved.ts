import { Failure } from '../../lib/failure.ts'
import type { LockNode } from '../../proto/gen/merge/image/v1/resolver.ts'
import type { Answered, Resolver } from '../resolver/resolving.ts'

/** Nodes with what they mean, all of one generation. */
export interface Resolved<N> {
  readonly generation: bigint
  readonly answers: readonly { readonly node: N; readonly answer: Answered | Failure }[]
}

/** What each node means now. A facility that is not there is no fault of a node. */
export async function resolveNodes<N extends LockNode>(
  resolver: Resolver,
  nodes: readonly N[],
  facility: string,
): Promise<Resolved<N>> {
  const asks = nodes.map(({ reference, arch }) => ({ reference, arch, facility }))
  const { generation, answers } = await resolver.resolveMany(asks)
  for (const answer of answers) {
    if (answer instanceof Failure && answer.reason === 'FACILITY_NOT_FOUND') throw answer
  }
  return {
    generation,
    answers: nodes.flatMap((node, i) => {
      const answer = answers[i]
      return answer === undefined ? [] : { node, answer }
    }),
  }
}
