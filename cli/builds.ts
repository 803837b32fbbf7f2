import {
  BuildFailure,
  BuildState,
  BuildTrigger,
  buildStateFromJSON,
  type Build,
} from '../proto/gen/merge/image/v1/build.ts'
import type { ImportOrigin } from '../proto/gen/merge/image/v1/image.ts'
import { checkTable } from './checks.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { parseCount, parseVersion } from './count.ts'
import { present } from './find.ts'
import { buildJson } from './json.ts'
import { builds, namespaceFlag, namespaceOf } from './recipes.ts'
import { coloured, facts, listed } from './table.ts'
import { bytes, plain, time } from './units.ts'
import { exitsAsItEnds, took, watched } from './watch.ts'
import { word, wordsOf } from './words.ts'

const reasonFlag = { value: 'TEXT', about: 'why, for those who look at the build' } as const
const watchFlag = { about: 'print its log, and wait until it ends' } as const

const run = command({
  verb: 'run',
  object: 'build',
  summary: 'build a recipe now',
  arguments: ['RECIPE'],
  flags: {
    watch: watchFlag,
    force: { about: 'make an image even if the inputs did not change' },
    version: { value: 'N', about: 'this version in place of the newest' },
    reason: reasonFlag,
  },
  about: `The build waits for a builder: an agent that has what the recipe needs. With --watch: ${exitsAsItEnds}`,
  examples: [
    'run build debian-13-std --watch',
    "run build lab1/mytools --force --reason 'a new key'",
  ],
  async run(context, [recipe], { version: wanted, force = false, reason = '', watch = false }) {
    const version = wanted === undefined ? 0 : parseVersion(wanted, 'mrg-image run build --help')
    const request = { requestId: context.newId(), recipe, version, force, reason }
    const answer = await builds(context).runBuild(request, { signal: context.signal })
    return queued(context, present(answer.build), watch)
  },
})

const retry = command({
  verb: 'retry',
  object: 'build',
  summary: 'try a build again that failed or was cancelled, of the same version of its recipe',
  arguments: ['BUILD'],
  flags: { watch: watchFlag, reason: reasonFlag },
  examples: ['retry build 01KV2ZJX5T8Q4N6R0W3Y7B9C1D --watch'],
  async run(context, [name], { watch = false, reason = '' }) {
    const request = { requestId: context.newId(), name, reason }
    const answer = await builds(context).retryBuild(request, { signal: context.signal })
    return queued(context, present(answer.build), watch)
  },
})

const cancel = command({
  verb: 'cancel',
  object: 'build',
  summary: 'end a build without an image',
  arguments: ['BUILD'],
  flags: {},
  about: 'The builder of one that runs ends every process of it, and the build then.',
  examples: ['cancel build 01KV2ZJX5T8Q4N6R0W3Y7B9C1D'],
  async run(context, [name]) {
    const request = { requestId: context.newId(), name }
    const answer = await builds(context).cancelBuild(request, { signal: context.signal })
    const build = present(answer.build)
    const text = build.stopping
      ? `${name} is told to stop: \`mrg-image watch build ${name}\` waits until it has.`
      : `${name} is cancelled.`
    return { json: buildJson(build), text: () => text }
  },
})

const mostBuilds = 1000

const list = command({
  verb: 'list',
  object: 'builds',
  summary: 'list the newest builds, and how they ended',
  arguments: [],
  flags: {
    recipe: { value: 'RECIPE', about: 'only those of this recipe' },
    source: { value: 'SOURCE', about: 'only imports of this source' },
    state: { value: 'STATE', about: 'only in this state', choices: wordsOf(BuildState) },
    namespace: namespaceFlag,
    count: { value: 'N', about: 'how many, at most (30)' },
  },
  examples: ['list builds', 'list builds --recipe debian-13-std --state failed'],
  async run(context, _args, { recipe = '', source = '', state = 'unspecified', ...flags }) {
    const { namespace, count = '30' } = flags
    const pageSize = parseCount('--count', count, mostBuilds, 'mrg-image list builds --help')
    const filter = {
      ...{ recipe, source, namespace: namespaceOf(namespace), pageSize, pageToken: '' },
      state: buildStateFromJSON(`BUILD_STATE_${state.toUpperCase()}`),
    }
    const found = await builds(context).listBuilds(filter, { signal: context.signal })
    if (found.nextPageToken !== '') context.note('There are more: --count N lists N of them.')
    return listed('builds', found.builds, buildJson, headings, buildCells)
  },
})

const show = command({
  verb: 'show',
  object: 'build',
  summary: 'show a build: what it made or why not, its checks, and who built it',
  arguments: ['BUILD'],
  flags: {},
  examples: ['show build 01KV2ZJX5T8Q4N6R0W3Y7B9C1D'],
  async run(context, [name]) {
    const answer = await builds(context).getBuild({ name }, { signal: context.signal })
    const build = present(answer.build)
    return { json: buildJson(build), text: (paint) => shown(paint, build) }
  },
})

export const buildCommands = [run, retry, cancel, list, show]

async function queued(context: Context, build: Build, watch: boolean): Promise<Answer> {
  const { name, target } = build
  if (watch) return watched(context, name)
  const text = `${name} waits for a builder, to make ${target}: \`mrg-image watch build ${name}\` shows its log.`
  return { json: buildJson(build), text: () => text }
}

const headings = ['Build', 'State', 'Of', 'Made', 'Queued', 'Why', 'What became of it']

function buildCells(build: Build, paint: Paint): readonly string[] {
  const { name, state, createTime, image, message, recipe, recipeVersion } = build
  const made = build.imageTime === undefined ? '-' : image
  const of = recipe === '' ? (build.origin?.source ?? '-') : `${recipe} ${recipeVersion}`
  const running = state === BuildState.BUILD_STATE_RUNNING
  const what = running ? (build.progress?.step ?? '') : message
  const cells = [coloured(paint, word(BuildState, state)), of, made, time(createTime)]
  return [name, ...cells, word(BuildTrigger, build.trigger), plain(what)]
}

function shown(paint: Paint, build: Build): string {
  const { checks } = build
  const about = facts(paint, [
    ['Build', paint('bold', build.name)],
    ['State', stateText(paint, build)],
    ...(build.message === '' ? [] : [['Message', plain(build.message)] as const]),
    ...originFacts(build),
    ...resultFacts(build),
  ])
  return checks.length === 0 ? about : `${about}\n\n${checkTable(paint, checks)}`
}

function stateText(paint: Paint, build: Build): string {
  const { state, failure, stopping, progress } = build
  const is = coloured(paint, word(BuildState, state))
  if (state === BuildState.BUILD_STATE_FAILED) return `${is}: ${word(BuildFailure, failure)}`
  if (stopping) return `${is}, and told to stop by ${plain(build.canceller)}`
  if (state !== BuildState.BUILD_STATE_RUNNING || progress === undefined) return is
  const { step, done, total } = progress
  return `${is}: ${plain(step)}${total > 0n ? `, ${done} of ${total}` : ''}`
}

type Facts = readonly (readonly [string, string])[]

function originFacts(build: Build): Facts {
  const { recipe, recipeVersion, trigger, requester, retryOf, scheduleTime, reason } = build
  const forTime = scheduleTime === undefined ? '' : `, for ${time(scheduleTime)}`
  const again = retryOf === '' ? '' : `, once more after ${retryOf}`
  const elsewhere = recipe === '' ? 'none: it ran elsewhere' : `${recipe}, version ${recipeVersion}`
  return [
    build.origin === undefined ? ['Recipe', elsewhere] : ['Imports', importText(build.origin)],
    ['Asked for', `by ${plain(requester)} (${word(BuildTrigger, trigger)}${forTime}${again})`],
    ...(reason === '' ? [] : [['Reason', plain(reason)] as const]),
    ['Queued', time(build.createTime)],
  ]
}

function importText({ source, item, url }: ImportOrigin): string {
  return plain(`${item} of ${source}, from ${url}`)
}

function resultFacts(build: Build): Facts {
  const { startTime, endTime, imageTime, builder, attempt, maxAttempts, image, link } = build
  const optional: Facts = [
    ['Not made, for', build.unchangedImage],
    ['Inputs', build.inputsDigest],
    ['Log digest', build.logDigest],
    ['Link', link],
  ]
  return [
    ['Builder', `${plain(builder)}, ${attempt} of ${maxAttempts} tries`],
    ['Begun', time(startTime)],
    ['Ended', `${time(endTime)}${took(build)}`],
    [imageTime ? 'Image' : 'Image would be', image || `${build.target}-…`],
    ['There since', `${time(imageTime)}${took({ startTime, endTime: imageTime })}`],
    ['Log', `${bytes(build.logBytes)}: ${logText(build)}`],
    ...optional.filter(([, value]) => value !== ''),
  ]
}

function logText({ name, logGoneTime }: Build): string {
  if (logGoneTime !== undefined) return `gone since ${time(logGoneTime)}`
  return `\`mrg-image watch build ${name}\` prints it`
}
