import type { Logger } from 'pino'
import { isOver } from '../../lib/chunks/abort.ts'
import { parseImageName } from '../../lib/names/name.ts'
import { beginMove } from '../archive/begin.ts'
import { recordEvent } from '../audit/record.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { expireImage } from '../images/expiring.ts'
import { lockFamily } from '../images/family.ts'
import type { StorageName } from '../images/row.ts'
import { whyKept, whyNotArchived } from '../needs/refusals.ts'
import type { OutcomeName } from './codes.ts'
import { endRuns } from './runs.ts'

export interface ApplyingDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly newUuid: () => string
  readonly log: Logger
}

/**
 * Does what the plans that are being carried out say, one item after another, each in a transaction of its own: whoever is killed leaves the
 * others to be done by the next, and several portals share them.
 */
export async function applyItems(deps: ApplyingDeps, signal: AbortSignal): Promise<void> {
  const { sql, log, now } = deps
  const failed: string[] = []
  while (!isOver(signal)) {
    const at: { image?: string } = {}
    try {
      if (!(await sql.begin((tx) => applyNext(tx, deps, failed, at)))) break
    } catch (error) {
      if (at.image === undefined) throw error
      log.warn({ image: at.image, err: error }, 'an item of a plan is put off')
      failed.push(at.image)
    }
  }
  if (failed.length > 0) await tellPutOff(sql, failed)
  for (const run of await endRuns(sql, now())) log.info({ run }, 'retention plan carried out')
}

interface WaitingRow {
  readonly run: string
  readonly image: string
  readonly action: 'archive' | 'expire'
  readonly message: string
  readonly policy: string
  readonly applier: string
}

/** Does the next item that nobody is at; false where there is none. */
async function applyNext(
  tx: Transaction,
  deps: ApplyingDeps,
  failed: readonly string[],
  at: { image?: string },
): Promise<boolean> {
  const item = await takeItem(tx, failed)
  if (item === undefined) return false
  at.image = item.image
  const outcome = await carryOut(tx, deps, item)
  if (outcome !== undefined) await keepOutcome(tx, item, outcome)
  return true
}

/** What is on its way to the archive by the same plan is not taken again. */
async function takeItem(
  tx: Transaction,
  failed: readonly string[],
): Promise<WaitingRow | undefined> {
  const [item] = await tx<WaitingRow[]>`
    select item.run, image, action, item.message, item.policy, applier
    from retention_item as item join retention_run on id = item.run
    where state = 'applying' and action <> 'keep' and outcome = ''
      and image <> all (${failed as string[]}::text[])
      and not exists (select from move where move.image = item.image and move.run = item.run)
    order by item.run, image limit 1 for no key update of item skip locked`
  return item
}

interface Outcome {
  readonly outcome: Exclude<OutcomeName, ''>
  readonly message: string
}

const left = (message: string): Outcome => ({ outcome: 'left', message })

/** Does what the item says if it still may be done; undefined while it is under way. */
async function carryOut(
  tx: Transaction,
  deps: ApplyingDeps,
  item: WaitingRow,
): Promise<Outcome | undefined> {
  const image = parseImageName(item.image)
  const locked = await lockFamily(tx, image)
  if (locked === undefined) return left('It is not there.')
  const standing = whyNot(item, locked.storage)
  if (standing !== undefined) return standing
  const guarded = { name: item.image, image }
  const isToArchive = item.action === 'archive'
  const refusal = await (isToArchive ? whyNotArchived : whyKept)(tx, guarded, deps.now())
  if (refusal !== undefined) return left(refusal.message)
  const by = { actor: item.applier, reason: reasonOf(item) }
  if (isToArchive) {
    const { run } = item
    await beginMove(tx, item.image, 'archive', { ...by, run, lease: deps.newUuid() })
    return undefined
  }
  await expireImage(tx, { ...locked, ...guarded }, by)
  const resources = [{ kind: 'image', name: item.image }]
  await recordEvent(tx, { deed: 'expire-image', resources, reason: by.reason })
  return { outcome: 'done', message: 'It has expired.' }
}

function whyNot({ action }: WaitingRow, storage: StorageName): Outcome | undefined {
  if (storage === 'expired') return left('It had expired already.')
  if (action === 'expire' || storage === 'present') return undefined
  return { outcome: 'done', message: 'It is in the archive.' }
}

function reasonOf({ message, policy, run }: WaitingRow): string {
  const by = policy === '' ? '' : ` (policy ${policy})`
  return `${message.replace(/\.$/, '')}${by}; plan ${run}`
}

async function keepOutcome(
  tx: Transaction,
  { run, image }: WaitingRow,
  { outcome, message }: Outcome,
): Promise<void> {
  await tx`
    update retention_item set outcome = ${outcome}, outcome_message = ${message}
    where run = ${run} and image = ${image}`
}

/** What could not be done is tried again, and meanwhile said. */
async function tellPutOff(sql: Sql, images: readonly string[]): Promise<void> {
  const message = `${images.length} of its images are put off and tried again, ${images[0] ?? ''} the first: the portal's log says why.`
  await sql`
    update retention_run set message = ${message}
    where state = 'applying' and message <> ${message} and id in (
      select run from retention_item where image = any (${images as string[]}) and outcome = '')`
}
