import { randomUUID } from 'node:crypto'
import {
  RetentionAction,
  RetentionPolicy,
  type RetentionItem,
  type RetentionRun,
} from '../../proto/gen/merge/image/v1/retention.ts'
import type { Sql } from '../../services/db/open.ts'
import type { Clients } from './portal.ts'

const unspecified = RetentionAction.RETENTION_ACTION_UNSPECIFIED
const page = { pageSize: 1000, pageToken: '' }

/** The calls of the retention service, each with a request id of its own. */
export function retentionCalls({ retention }: Clients) {
  const some = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('an answer without its content')
    return value
  }
  const put = async (policy: Partial<RetentionPolicy>, etag = '') => {
    const request = { requestId: randomUUID(), etag, validateOnly: false }
    const given = RetentionPolicy.create(policy)
    return some((await retention.putPolicy({ ...request, policy: given })).policy)
  }
  const get = async (run: string) => some((await retention.getRun({ run })).run)
  return {
    put,
    get,
    remove: (name: string) => retention.deletePolicy({ requestId: randomUUID(), name, etag: '' }),
    plan: async (pattern = '') =>
      some((await retention.planRetention({ requestId: randomUUID(), pattern })).run),
    apply: async ({ id: run, etag }: Pick<RetentionRun, 'id' | 'etag'>) =>
      some((await retention.applyPlan({ requestId: randomUUID(), run, etag })).run),
    items: async (run: string, action: RetentionAction = unspecified) =>
      (await retention.listRunItems({ ...page, run, action })).items,
    runs: async () => (await retention.listRuns(page)).runs,
    explain: (image: string) => retention.explainRetention({ image }),
    /** The run as it ends. */
    ended: async (run: string): Promise<RetentionRun> => {
      let last: RetentionRun | undefined
      for await (const answer of retention.watchRun({ run })) last = answer.run
      return some(last)
    },
  }
}

/** What goes, by name, and how. */
export function going(items: readonly RetentionItem[]): Readonly<Record<string, string>> {
  const names = { [RetentionAction.RETENTION_ACTION_ARCHIVE]: 'archive' } as Record<number, string>
  return Object.fromEntries(
    items
      .filter(({ action }) => action !== RetentionAction.RETENTION_ACTION_KEEP)
      .map(({ image, action }) => [image, names[action] ?? 'expire']),
  )
}

/** Lets an image be so many days old. */
export async function age(sql: Sql, name: string, days: number): Promise<void> {
  await sql`
    update image set create_time = now() - make_interval(days => ${days}) where name = ${name}`
}
