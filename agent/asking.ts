import { batchesOf } from '../lib/batches.ts'
import { Failure } from '../lib/failure.ts'
import { EvictionVerdict } from '../proto/gen/merge/image/v1/agent.ts'
import type { Upstream } from './upstream.ts'

/** Asks the portal what may go. */
export interface Asking {
  /** What may not, and why: everything while the portal does not answer. What else was asked about, the portal counts as gone, unless it is a rehearsal. */
  refused(
    names: readonly string[],
    rehearse: boolean,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>
}

const askMs = 10_000
const mostNames = 1000

export function askingOf(facility: string, { agents }: Pick<Upstream, 'agents'>): Asking {
  return {
    async refused(names, validateOnly, signal) {
      const found = new Map<string, string>()
      for (const images of batchesOf(names, mostNames)) {
        try {
          const request = { facility, images, validateOnly }
          const { answers } = await agents.askEviction(request, { signal, deadlineMs: askMs })
          const verdicts = new Map(answers.map((answer) => [answer.image, answer]))
          for (const name of images) {
            const answer = verdicts.get(name)
            if (answer?.verdict === EvictionVerdict.EVICTION_VERDICT_MAY_GO) continue
            found.set(name, answer?.message ?? 'the portal did not say whether it may go')
          }
        } catch (error) {
          signal.throwIfAborted()
          const why = error instanceof Failure ? error.message : 'the agent failed'
          for (const name of images) found.set(name, `the portal cannot be asked: ${why}`)
        }
      }
      return found
    },
  }
}
