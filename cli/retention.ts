import { sleep } from '../lib/chunks/clock.ts'
import { Failure } from '../lib/failure.ts'
import {
  ItemOutcome,
  RetentionAction,
  RunState,
  type RetentionItem,
  type RetentionRun,
} from '../proto/gen/merge/image/v1/retention.ts'
import { command, type Answer, type Context } from './command.ts'
import { everyItem, present } from './find.ts'
import { itemJson, planText, runCells, runHeadings, runJson, runText } from './plans.ts'
import { retention } from './policies.ts'
import { listed } from './table.ts'

const allFlag = { about: 'also list what is kept, and why' } as const

/** Everything is read and judged: with a hundred thousand images that takes a while. */
const deadlineMs = 300_000

const plan = command({
  verb: 'plan',
  object: 'retention',
  summary: 'show which images would be archived and expired now, why, and what would come free',
  arguments: ['[PATTERN]'],
  flags: { all: allFlag },
  about:
    'PATTERN confines it to lines, as in a policy: debian-*-std-x86. Nothing is done: `apply plan` carries it out as it is\n' +
    'shown here, or refuses if something has changed since.',
  examples: ['plan retention', "plan retention 'debian-*-*-*'", 'plan retention --all'],
  async run(context, [pattern = ''], { all = false }) {
    const request = { requestId: context.newId(), pattern }
    const answer = await retention(context).planRetention(request, {
      signal: context.signal,
      deadlineMs,
    })
    return planned(context, present(answer.run), all)
  },
})

const apply = command({
  verb: 'apply',
  object: 'plan',
  summary: 'carry out a plan as it was reviewed, and wait until it is done',
  arguments: ['PLAN'],
  flags: {
    etag: { value: 'ETAG', about: "as the plan told it; the plan's own otherwise" },
    async: { about: 'do not wait' },
  },
  about:
    'It is refused if anything of it is not right any more. What comes to be needed meanwhile is left alone. Interrupted, it\n' +
    'goes on by itself.',
  examples: ['apply plan 01KV2ZJX5T8Q4N6R0W3Y7B9C1D --etag 5f3a…'],
  async run(context, [id], { etag, async: dontWait = false }) {
    const { signal } = context
    const given =
      etag ?? present((await retention(context).getRun({ run: id }, { signal })).run).etag
    const request = { requestId: context.newId(), run: id, etag: given }
    const run = present((await retention(context).applyPlan(request, { signal, deadlineMs })).run)
    if (!dontWait) return ended(context, id)
    const text = `${id} is being carried out: \`mrg-image show run ${id}\` tells how far it is.`
    return { json: runJson(run), text: () => text }
  },
})

const list = command({
  verb: 'list',
  object: 'runs',
  summary: 'list retention plans and what became of them, the newest first',
  arguments: [],
  flags: {},
  examples: ['list runs'],
  async run(context) {
    const page = { pageSize: 100, pageToken: '' }
    const { runs } = await retention(context).listRuns(page, { signal: context.signal })
    return listed('runs', runs, runJson, runHeadings, runCells)
  },
})

const show = command({
  verb: 'show',
  object: 'run',
  summary: 'show a retention plan: what goes, and what became of it',
  arguments: ['PLAN'],
  flags: { all: allFlag },
  examples: ['show run 01KV2ZJX5T8Q4N6R0W3Y7B9C1D'],
  async run(context, [id], { all = false }) {
    const { signal } = context
    const run = present((await retention(context).getRun({ run: id }, { signal })).run)
    return planned(context, run, all)
  },
})

export const retentionCommands = [plan, apply, list, show]

const goes: readonly RetentionAction[] = [
  RetentionAction.RETENTION_ACTION_ARCHIVE,
  RetentionAction.RETENTION_ACTION_EXPIRE,
]

/** A plan with what goes; what is kept is many, and told in counts unless all of it is wanted. */
async function planned(context: Context, run: RetentionRun, all: boolean): Promise<Answer> {
  const items = await itemsOf(context, run.id)
  const shown = all ? items : items.filter(({ action }) => goes.includes(action))
  const json = { ...runJson(run), items: shown.map(itemJson) }
  return { json, text: (paint) => planText(paint, run, items, shown) }
}

function itemsOf(context: Context, run: string): Promise<readonly RetentionItem[]> {
  const { signal } = context
  const action = RetentionAction.RETENTION_ACTION_UNSPECIFIED
  return everyItem(
    (page) => retention(context).listRunItems({ ...page, run, action }, { signal }),
    (page) => page.items,
  )
}

/** Waits until a run has ended, and tells how. */
async function ended(context: Context, id: string): Promise<Answer> {
  const run = await followed(context, id)
  const items = await itemsOf(context, id)
  const left = items.filter(({ outcome }) => outcome === ItemOutcome.ITEM_OUTCOME_LEFT)
  const json = { ...runJson(run), left: left.map(itemJson) }
  return { json, text: (paint) => runText(paint, run, left) }
}

const pauseMs = 2_000
const mostCuts = 60

/** Where the connection is cut, it is watched again: the run goes on without anybody. */
async function followed(context: Context, id: string): Promise<RetentionRun> {
  using meter = context.meter()
  let last: RetentionRun | undefined
  for (let cuts = 0; ; cuts++) {
    try {
      const watching = retention(context).watchRun({ run: id }, { signal: context.signal })
      for await (const { run } of watching) {
        last = present(run)
        const { doneCount, archiveCount, expireCount } = last
        meter.show({
          ...{ label: `carrying out ${id}`, detail: `${doneCount} done` },
          ...{ doneBytes: Number(doneCount), totalBytes: Number(archiveCount + expireCount) },
        })
      }
      if (last !== undefined && last.state !== RunState.RUN_STATE_APPLYING) return last
    } catch (error) {
      const wasCut = error instanceof Failure && error.kind === 'unavailable'
      if (!wasCut || cuts === mostCuts) throw error
      await sleep(pauseMs, context.signal)
    }
  }
}
