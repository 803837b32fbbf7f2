import { SyncRule, type SyncRuleServiceService } from '../../proto/gen/merge/image/v1/rule.ts'
import { id, page, row, type Row } from './rows.ts'

const ruleAt = (facility: string): SyncRule =>
  SyncRule.create({ facility, name: 'x', patterns: ['debian-*-*-*'] })

// prettier-ignore
export const ruleRows: Record<keyof typeof SyncRuleServiceService, Row> = {
  putSyncRule: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
    call: ({ rules }, facility) => rules.putSyncRule({ requestId: id(), rule: ruleAt(facility), etag: '' }) },
  getSyncRule: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
    call: ({ rules }, facility) => rules.getSyncRule({ facility, name: 'none' }) },
  listSyncRules: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
    call: ({ rules }, facility) => rules.listSyncRules({ ...page, facility }) },
  deleteSyncRule: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
    call: ({ rules }, facility) => rules.deleteSyncRule({ requestId: id(), facility, name: 'none', etag: '' }) },
  previewSync: { may: row('everywhere', 'nowhere', 'nowhere', 'own', 'own'),
    call: ({ rules }, facility) => rules.previewSync({ facility, name: 'none', rule: undefined, images: [] }) },
}
