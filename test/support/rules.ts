import { randomUUID } from 'node:crypto'
import { SyncRule } from '../../proto/gen/merge/image/v1/rule.ts'
import type { DesiredImage } from '../../proto/gen/merge/image/v1/agent.ts'
import type { Clients } from './portal.ts'

/** The calls on the rules of a facility. */
export function ruleCalls({ rules }: Clients, facility: string) {
  const requestId = (): string => randomUUID()
  return {
    put: async (name: string, more: Partial<SyncRule>, etag = '') => {
      const rule = SyncRule.create({ facility, name, patterns: ['debian-*-*-*'], ...more })
      const answer = await rules.putSyncRule({ requestId: requestId(), rule, etag })
      if (answer.rule === undefined) throw new Error('an answer without a rule')
      return answer.rule
    },
    get: async (name: string) => (await rules.getSyncRule({ facility, name })).rule,
    delete: (name: string, etag = '') =>
      rules.deleteSyncRule({ requestId: requestId(), facility, name, etag }),
    preview: (more: {
      readonly name?: string
      readonly rule?: Partial<SyncRule>
      readonly images?: string[]
    }) =>
      rules.previewSync({
        ...{ facility, name: more.name ?? '', images: more.images ?? [] },
        rule:
          more.rule &&
          SyncRule.create({ facility, name: 'x', patterns: ['debian-*-*-*'], ...more.rule }),
      }),
  }
}

/** What the facility should hold, once it is exactly this; the test's own time limit ends the waiting. */
export async function wanted(
  { agents }: Clients,
  facility: string,
  images: readonly string[],
): Promise<readonly DesiredImage[]> {
  const sorted = images.toSorted().join(' ')
  for await (const { images: desired } of agents.watchDesiredState({ facility })) {
    const names = desired.map(({ image }) => image?.name ?? '')
    if (names.toSorted().join(' ') === sorted) return desired
  }
  throw new Error('the portal stopped telling')
}
