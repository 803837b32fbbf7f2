import { connect, type Remote } from '../lib/rpc/connect.ts'
import { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import {
  BuilderKind,
  type PreviewScheduleResponse,
  type Recipe,
} from '../proto/gen/merge/image/v1/recipe.ts'
import { command, type Context, type Paint } from './command.ts'
import { parseVersion } from './count.ts'
import { everyItem, present } from './find.ts'
import { recipeJson } from './json.ts'
import { versionsOf } from './versions.ts'
import { foundByPortal, nameOfFile, readRecipeFile, wrongRecipe } from './recipefile.ts'
import { facts, listed, rowsOf } from './table.ts'
import { counted, plain, time, zoned } from './units.ts'
import { word } from './words.ts'

/** Only where it still stands as somebody saw it. */
const etagFlag = { value: 'ETAG', about: 'only if the recipe still has this etag' } as const

/** Whose recipes or builds to list. */
export const namespaceFlag = {
  value: 'NAME',
  about: "those of this facility; the portal's otherwise",
} as const

/** As the API calls it: the portal has no name there. */
export function namespaceOf(name: string | undefined): string {
  return name === undefined || name === 'portal' ? '' : name
}

const put = command({
  verb: 'put',
  object: 'recipe',
  summary: 'keep a recipe, or a new version of it, and say everything that is wrong with it',
  arguments: ['FILE'],
  flags: {
    as: { value: 'NAME', about: "the recipe's name, [facility/]name; the file's otherwise" },
    check: { about: 'only say whether it can be used, and keep nothing' },
    etag: {
      value: 'ETAG',
      about: 'only if it still has this etag; `new`: only if it is not there',
    },
  },
  about:
    'FILE is YAML: `recipes/template.yaml` explains every field. What is wrong is told as FILE:LINE:COLUMN: all of it at\n' +
    'once, and nothing is kept then. Every version is kept; what says the same as the newest makes none. A new version\n' +
    'begins its schedule anew, and ends its pause.',
  examples: [
    'put recipe recipes/debian-13-std.yaml',
    'put recipe mine.yaml --as lab1/debian-13-mytools',
    'put recipe recipes/debian-13-std.yaml --check',
  ],
  async run(context, [file], { as, check = false, etag = '' }) {
    const read = await readRecipeFile(context.folder, file)
    if ('problems' in read) return wrongRecipe(file, read.problems)
    const name = as ?? nameOfFile(file, read.recipe)
    const wish = { name, text: read.text, etag, validateOnly: check }
    const request = { requestId: context.newId(), ...wish }
    try {
      const answer = await builds(context).putRecipe(request, { signal: context.signal })
      const recipe = present(answer.recipe)
      return { json: recipeJson(recipe), text: () => putText(file, recipe, check) }
    } catch (error) {
      return foundByPortal(file, error)
    }
  },
})

const list = command({
  verb: 'list',
  object: 'recipes',
  summary: 'list the recipes, what they build and when',
  arguments: [],
  flags: { namespace: namespaceFlag },
  examples: ['list recipes', 'list recipes --namespace lab1'],
  async run(context, _args, flags) {
    const { signal } = context
    const namespace = namespaceOf(flags.namespace)
    const found = await everyItem(
      (page) => builds(context).listRecipes({ ...page, namespace }, { signal }),
      (page) => page.recipes,
    )
    return listed('recipes', found, recipeJson, headings, recipeCells)
  },
})

const show = command({
  verb: 'show',
  object: 'recipe',
  summary: 'show a recipe: its versions, when it builds next, and whether it is paused',
  arguments: ['RECIPE'],
  flags: {
    version: { value: 'N', about: 'this version in place of the newest' },
    text: { about: 'print the recipe as it was put, and nothing else' },
  },
  examples: ['show recipe debian-13-std', 'show recipe debian-13-std --version 2 --text'],
  async run(context, [name], { version: wanted, text = false }) {
    const { signal } = context
    const help = 'mrg-image show recipe --help'
    const version = wanted === undefined ? 0 : parseVersion(wanted, help)
    const about = { name, version }
    const recipe = present((await builds(context).getRecipe(about, { signal })).recipe)
    // The line that is printed ends with a newline of its own.
    if (text) return { json: recipeJson(recipe), text: () => recipe.text.trimEnd() }
    const preview = { name, count: 3, after: undefined }
    const [versions, schedule] = await Promise.all([
      versionsOf(context, name),
      builds(context).previewSchedule(preview, { signal }),
    ])
    const json = { ...recipeJson(recipe), versions: versions.map(withoutText), schedule }
    return { json, text: (paint) => shown(paint, recipe, versions, schedule) }
  },
})

const remove = command({
  verb: 'delete',
  object: 'recipe',
  summary: 'end a recipe: it builds no more; its versions and builds stay',
  arguments: ['RECIPE'],
  flags: { etag: etagFlag },
  examples: ['delete recipe debian-12-std'],
  async run(context, [name], { etag = '' }) {
    const request = { requestId: context.newId(), name, etag }
    const answer = await builds(context).deleteRecipe(request, { signal: context.signal })
    const recipe = present(answer.recipe)
    const text = `${name} builds no more. \`mrg-image show recipe ${name} --text\` still prints it.`
    return { json: recipeJson(recipe), text: () => text }
  },
})

const resume = command({
  verb: 'resume',
  object: 'recipe',
  summary: 'let a schedule go on that was paused because its builds failed',
  arguments: ['RECIPE'],
  flags: { etag: etagFlag },
  examples: ['resume recipe debian-13-std'],
  async run(context, [name], { etag = '' }) {
    const request = { requestId: context.newId(), name, etag }
    const answer = await builds(context).resumeRecipe(request, { signal: context.signal })
    const recipe = present(answer.recipe)
    return { json: recipeJson(recipe), text: () => `${name} is not paused; ${nextOf(recipe)}.` }
  },
})

export const recipeCommands = [put, list, show, remove, resume]

export function builds({ channel }: Context): Remote<BuildServiceService> {
  return connect(BuildServiceService, channel)
}

function putText(file: string, recipe: Recipe, check: boolean): string {
  const { name, version, target } = recipe
  const builder = word(BuilderKind, recipe.builder)
  const what = `${target}, with ${builder}; ${nextOf(recipe)}`
  if (check) return `${file} can be used: as version ${version} of ${name} it builds ${what}.`
  const next = `\`mrg-image run build ${name} --watch\` builds it now.`
  return `${name} is version ${version}, and builds ${what}.\n${next}`
}

/** `the next time is 2027-01-01 03:00 Europe/Berlin` */
function nextOf({ nextTime, timeZone, cron }: Recipe): string {
  if (nextTime !== undefined) return `the next time is ${zoned(nextTime, timeZone)}`
  return cron === '' ? 'it has no schedule' : 'its schedule names no time'
}

const headings = ['Recipe', '>Version', 'Builds', 'Builder', 'Next', 'Schedule']

function recipeCells(recipe: Recipe, paint: Paint): readonly string[] {
  const { name, version, target, nextTime, timeZone } = recipe
  const next = nextTime === undefined ? '-' : zoned(nextTime, timeZone)
  const builder = word(BuilderKind, recipe.builder)
  return [name, String(version), target, builder, next, scheduleState(recipe, paint)]
}

function scheduleState({ cron, paused, failures }: Recipe, paint: Paint): string {
  if (paused !== '') return paint('red', 'paused')
  if (failures > 0) return paint('yellow', `${counted(failures, 'failure')} in a row`)
  return cron === '' ? '-' : paint('green', 'goes on')
}

function withoutText({ version, digest, creator, createTime, target }: Recipe) {
  return { version, digest, creator, createTime, target }
}

function shown(
  paint: Paint,
  recipe: Recipe,
  versions: readonly Recipe[],
  schedule: PreviewScheduleResponse,
): string {
  const { name, version, target, creator, createTime, deleteTime, digest, etag } = recipe
  const about = facts(paint, [
    ['Recipe', paint('bold', name)],
    ['Version', `${version}, put ${time(createTime)} by ${plain(creator)}`],
    ['Builds', `${target}, with ${word(BuilderKind, recipe.builder)}`],
    ...scheduleFacts(paint, recipe, schedule),
    ...(deleteTime === undefined ? [] : [['Deleted', time(deleteTime)] as const]),
    ['Digest', digest],
    ['Etag', etag],
  ])
  const cells = (one: Recipe): readonly string[] => [
    ...[String(one.version), time(one.createTime), plain(one.creator), one.target, one.digest],
  ]
  const columns = ['>Version', 'Put', 'By', 'Builds', 'Digest']
  return `${about}\n\n${rowsOf(paint, 'versions', columns, versions, cells)}`
}

function scheduleFacts(
  paint: Paint,
  { cron, timeZone, paused, failures, deleteTime }: Recipe,
  { times }: PreviewScheduleResponse,
): readonly (readonly [string, string])[] {
  const failed =
    failures === 0 ? [] : [['Failed', `${counted(failures, 'time')} in a row`] as const]
  if (cron === '') return [['Schedule', 'none'], ...failed]
  const next = times.map((at) => zoned(at, timeZone)).join(', ')
  const resting = paused !== '' || deleteTime !== undefined
  return [
    ['Schedule', `${cron} in ${timeZone}`],
    ['Next', resting ? 'not by itself' : next || 'never'],
    ...(paused === '' ? [] : [['Paused', paint('red', plain(paused))] as const]),
    ...failed,
  ]
}
