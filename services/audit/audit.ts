import type { Logger } from 'pino'
import type { Call, DeniedCall } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import type { AuditServiceService } from '../../proto/gen/merge/image/v1/audit.ts'
import { listenForEvents } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { writeDenials } from './denials.ts'
import { auditService } from './service.ts'

/** The audit log as the portal has it: what tells of it, and what writes denied calls down. */
export interface Audit extends AsyncDisposable {
  readonly service: Service<typeof AuditServiceService, [call: Call]>
  readonly denied: (call: DeniedCall) => void
}

export async function openAudit(deps: {
  readonly sql: Sql
  readonly clock: () => number
  readonly log: Logger
}): Promise<Audit> {
  await using stack = new AsyncDisposableStack()
  const news = stack.use(await listenForEvents(deps.sql))
  const { denied } = stack.use(writeDenials(deps))
  const owned = stack.move()
  return {
    service: auditService({ sql: deps.sql, news }),
    denied,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
