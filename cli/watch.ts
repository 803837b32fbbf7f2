import { sleep } from '../lib/chunks/clock.ts'
import { Failure, unavailable } from '../lib/failure.ts'
import { BuildFailure, BuildState, type Build } from '../proto/gen/merge/image/v1/build.ts'
import { areUnpassed, checkTable } from './checks.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { buildJson } from './json.ts'
import { logLines } from './loglines.ts'
import { builds } from './recipes.ts'
import { coloured } from './table.ts'
import { duration, plain } from './units.ts'
import { word } from './words.ts'

/** What it means for a command that waits for a build how that ends. */
export const exitsAsItEnds =
  'Ends with 0 if there is an image or nothing to make, with 1 if it failed, and with 3 if it was cancelled. Interrupted,\n' +
  'it leaves the build alone.'

const watch = command({
  verb: 'watch',
  object: 'build',
  summary: 'print the log of a build from its start, and go on until it ends',
  arguments: ['BUILD'],
  flags: {},
  about: `Of one that has ended, it prints the whole log. ${exitsAsItEnds}`,
  examples: [
    'watch build 01KV2ZJX5T8Q4N6R0W3Y7B9C1D',
    'watch build lab1/01KV2ZJX5T8Q4N6R0W3Y7B9C1D',
  ],
  run: (context, [name]) => watched(context, name),
})

export const watchCommands = [watch]

/** Follows a build to its end, and answers how that was. */
export async function watched(context: Context, name: string): Promise<Answer> {
  try {
    return ended(await follow(context, name))
  } catch (error) {
    if (context.signal.aborted) {
      context.note(
        `The build goes on: \`mrg-image watch build ${name}\` shows it again, \`mrg-image cancel build ${name}\` ends it.`,
      )
    }
    throw error
  }
}

/** So often in a row nothing came before it is given up: about two minutes. */
const mostCuts = 60
const pauseMs = 2_000

/** Prints the log as it comes; where the connection is cut, it goes on from the byte where it was. */
async function follow(context: Context, name: string): Promise<Build> {
  const lines = logLines(context.print)
  const seen: Seen = { at: 0n, state: BuildState.BUILD_STATE_UNSPECIFIED, made: false, cuts: 0 }
  for (;;) {
    try {
      const build = await followOnce(context, name, seen, lines)
      lines.end()
      return build
    } catch (error) {
      const wasCut = error instanceof Failure && error.kind === 'unavailable'
      if (!wasCut || seen.cuts === mostCuts) throw error
      if (seen.cuts === 0) context.note('The portal cannot be reached; it is asked again.')
      seen.cuts++
      await sleep(pauseMs, context.signal)
    }
  }
}

interface Seen {
  /** Up to which byte the log was printed. */
  at: bigint
  state: BuildState
  /** Whether the image was there. */
  made: boolean
  /** How often the connection was cut since anything came. */
  cuts: number
}

async function followOnce(
  context: Context,
  name: string,
  seen: Seen,
  lines: ReturnType<typeof logLines>,
): Promise<Build> {
  let last: Build | undefined
  const request = { name, logOffset: seen.at }
  for await (const news of builds(context).watchBuild(request, { signal: context.signal })) {
    seen.cuts = 0
    lines.add(news.log)
    seen.at = news.logOffset + BigInt(news.log.length)
    last = news.build ?? last
    if (last === undefined) continue
    tell(context, last, seen)
    seen.state = last.state
    seen.made = last.imageTime !== undefined
  }
  if (last?.endTime !== undefined) return last
  throw unavailable('NOT_READY', 'The portal stopped telling before the build had ended.')
}

function tell({ note }: Context, build: Build, seen: Readonly<Seen>): void {
  const { name, state, builder, image, imageTime, startTime } = build
  const isRunning = state === BuildState.BUILD_STATE_RUNNING
  if (state !== seen.state) {
    if (state === BuildState.BUILD_STATE_QUEUED) note(`${name} waits for a builder.`)
    if (isRunning) note(`${name} is built by ${plain(builder)}.`)
  }
  if (isRunning && imageTime !== undefined && !seen.made) {
    const after = took({ startTime, endTime: imageTime })
    note(`${image} is there${after}, as a candidate; it is checked further.`)
  }
}

const exits: Readonly<Partial<Record<BuildState, 1 | 3>>> = {
  [BuildState.BUILD_STATE_FAILED]: 1,
  [BuildState.BUILD_STATE_CANCELLED]: 3,
}

/** How a build ended, as an answer. */
export function ended(build: Build): Answer {
  const exit = exits[build.state]
  return {
    json: buildJson(build),
    text: (paint) => endText(paint, build),
    ...(exit === undefined ? {} : { exit }),
  }
}

function endText(paint: Paint, build: Build): string {
  const { name, state, message, image, checks, recipe, origin } = build
  const is = coloured(paint, word(BuildState, state))
  if (state === BuildState.BUILD_STATE_DONE) {
    const note = message === '' ? '' : ` ${plain(message)}`
    const made = `${name} made ${paint('bold', image)}${took(build)}.${note}`
    if (!areUnpassed(checks)) return made
    const advice = `It is no image to release without a reason: \`mrg-image release ${image} --reason TEXT\`.`
    return [made, checkTable(paint, checks), advice].join('\n\n')
  }
  if (state !== BuildState.BUILD_STATE_FAILED) return `${name} is ${is}: ${plain(message)}`
  const why = `${name} has ${is} (${word(BuildFailure, build.failure)}): ${plain(message)}`
  return recipe === '' && origin === undefined
    ? why
    : `${why}\n\`mrg-image retry build ${name}\` tries it again.`
}

/** ` in 4 min 12 s` */
export function took({ startTime, endTime }: Pick<Build, 'startTime' | 'endTime'>): string {
  if (startTime === undefined || endTime === undefined) return ''
  return ` in ${duration(endTime.getTime() - startTime.getTime())}`
}
