import {
  RetentionPolicy,
  type RetentionServiceService,
} from '../../proto/gen/merge/image/v1/retention.ts'
import { id, image, name, page, row, type Row } from './rows.ts'

const run = '01KV2ZJX5T8Q4N6R0W3Y7B9C1D'
const pattern = (facility: string) => name(facility, 'debian-*-*-*')
const everybody = row('everywhere', 'everywhere', 'everywhere', 'everywhere', 'everywhere')

// prettier-ignore
export const retentionRows: Record<keyof typeof RetentionServiceService, Row> = {
  putPolicy: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'nowhere'),
    call: ({ retention }, facility) => retention.putPolicy({
      requestId: id(), etag: '', validateOnly: true,
      policy: RetentionPolicy.create({ name: 'x', pattern: pattern(facility) }),
    }) },
  getPolicy: { may: everybody, call: ({ retention }) => retention.getPolicy({ name: 'x' }) },
  listPolicies: { may: everybody, call: ({ retention }) => retention.listPolicies(page) },
  // Whose policy or plan it is, is checked in retention/access.test.ts.
  deletePolicy: { may: row('everywhere', 'nowhere', 'nowhere', 'everywhere', 'nowhere'),
    call: ({ retention }) => retention.deletePolicy({ requestId: id(), name: 'x', etag: '' }) },
  planRetention: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'nowhere'),
    call: ({ retention }, facility) =>
      retention.planRetention({ requestId: id(), pattern: pattern(facility) }) },
  applyPlan: { may: row('everywhere', 'nowhere', 'nowhere', 'everywhere', 'nowhere'),
    call: ({ retention }) => retention.applyPlan({ requestId: id(), run, etag: '' }) },
  getRun: { may: everybody, call: ({ retention }) => retention.getRun({ run }) },
  listRuns: { may: everybody, call: ({ retention }) => retention.listRuns(page) },
  listRunItems: { may: everybody,
    call: ({ retention }) => retention.listRunItems({ ...page, run, action: 0 }) },
  watchRun: { may: everybody, call: ({ retention }) => retention.watchRun({ run }) },
  explainRetention: { may: everybody,
    call: ({ retention }, facility) => retention.explainRetention({ image: image(facility) }) },
}
