import { nextTimes } from '../lib/recipes/schedule.ts'
import type { PreviewScheduleResponse } from '../proto/gen/merge/image/v1/recipe.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { parseCount } from './count.ts'
import { builds } from './recipes.ts'
import { isFile, readRecipeFile, wrongRecipe } from './recipefile.ts'
import { table } from './table.ts'
import { plain, time, zoned } from './units.ts'

const help = 'mrg-image preview schedule --help'
const mostTimes = 100

const preview = command({
  verb: 'preview',
  object: 'schedule',
  summary: 'say at which times a recipe builds next',
  arguments: ['RECIPE'],
  flags: { count: { value: 'N', about: 'how many to tell (10)' } },
  about:
    'RECIPE is the name of a recipe, or a file with one: what has a dot in it, such as `./mine.yaml`, is a file. A file is\n' +
    'read here, so that a schedule can be tried before the recipe is put.',
  examples: ['preview schedule debian-13-std', 'preview schedule ./mine.yaml --count 3'],
  async run(context, [recipe], { count = '10' }) {
    const wanted = parseCount('--count', count, mostTimes, help)
    if (isFile(recipe)) return ofFile(context, recipe, wanted)
    const request = { name: recipe, count: wanted, after: undefined }
    const found = await builds(context).previewSchedule(request, { signal: context.signal })
    return told(recipe, found)
  },
})

export const scheduleCommands = [preview]

async function ofFile(context: Context, file: string, count: number): Promise<Answer> {
  const read = await readRecipeFile(context.folder, file)
  if ('problems' in read) return wrongRecipe(file, read.problems)
  const { schedule } = read.recipe
  const times = schedule === undefined ? [] : nextTimes(schedule, context.today(), count)
  return told(file, { times, timeZone: schedule?.timeZone ?? '', paused: '' })
}

function told(recipe: string, found: PreviewScheduleResponse): Answer {
  const { times, timeZone, paused } = found
  const none = timeZone === '' ? 'has no schedule' : 'names no time in its schedule'
  const rows = times.map((at) => [zoned(at, timeZone), time(at)])
  const dates = (paint: Paint): string => table(paint, ['When', 'In UTC'], rows)
  return {
    json: { recipe, ...found },
    text: (paint) =>
      [
        times.length === 0 ? `${recipe} ${none}.` : dates(paint),
        ...(paused === '' ? [] : [`It builds at none of them: it is paused. ${plain(paused)}`]),
      ].join('\n\n'),
  }
}
