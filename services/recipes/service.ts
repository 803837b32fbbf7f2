import { conflict, exhausted, invalid, missing, type Failure } from '../../lib/failure.ts'
import { recipeDigest } from '../../lib/recipes/canonical.ts'
import { parseRecipeName, renderRecipeName } from '../../lib/recipes/name.ts'
import { nextTimes, type Times } from '../../lib/recipes/schedule.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { cutPage, parsePage } from '../pages.ts'
import * as queries from './queries.ts'
import { readFor } from './read.ts'
import { kindCode, renderRecipe } from './render.ts'

type Handlers = Pick<
  Service<typeof BuildServiceService, [call: Call]>,
  'putRecipe' | 'getRecipe' | 'listRecipes' | 'deleteRecipe' | 'resumeRecipe' | 'previewSchedule'
>

const mostTimes = 100
const usualTimes = 10
/** So many of the newest versions of a recipe stay; older ones do if a build is of them. */
const keptVersions = 20

/** The recipes of BuildService. */
export function recipeHandlers(deps: {
  readonly sql: Sql
  readonly now: () => Date
  /** What the recipes of a facility may take, in all their versions. */
  readonly facilityRecipeBytes: number
}): Handlers {
  const { sql, now, facilityRecipeBytes } = deps
  const { putRecipe, deleteRecipe, resumeRecipe } = BuildServiceService
  return {
    async putRecipe(request, { caller }) {
      const parsed = parseRecipeName(request.name)
      const name = renderRecipeName(parsed)
      const { catalogue } = await readCatalogue(sql)
      const { recipe, target } = readFor(request.text, parsed, catalogue)
      const { cron = '', timeZone: zone = '' } = recipe.schedule ?? {}
      return once(sql, putRecipe, caller, request, async (tx) => {
        if (parsed.namespace !== '') await getFacility(tx, parsed.namespace)
        await queries.lockOrInsertRecipe(tx, name, parsed.namespace)
        const before = await queries.findRecipe(tx, name)
        demandPutEtag(name, before, request.etag)
        const digest = recipeDigest(recipe)
        if (before?.digest !== digest || before.deleteTime !== null) {
          const kind = kindCode(recipe.builder)
          const version = { name, text: request.text, digest, target, kind, cron, zone }
          await queries.insertVersion(tx, { ...version, creator: caller.name }, nextOf(version))
          await queries.forgetVersions(tx, name, keptVersions)
          await demandRoom(tx, parsed.namespace, facilityRecipeBytes)
        }
        return { recipe: renderRecipe(await getRecipe(tx, name)) }
      })
    },

    async getRecipe({ name, version }) {
      return { recipe: renderRecipe(await getRecipe(sql, nameOf(name), version)) }
    },

    async listRecipes(request) {
      const filter = { namespace: request.namespace }
      const page = parsePage(request, filter)
      const found = await queries.listRecipes(sql, request.namespace, page)
      const { rows, nextPageToken } = cutPage(found, page, ({ name }) => name, filter)
      return { recipes: rows.map(renderRecipe), nextPageToken }
    },

    async deleteRecipe(request, { caller }) {
      const name = nameOf(request.name)
      return once(sql, deleteRecipe, caller, request, async (tx) => {
        await lockRecipe(tx, name, request.etag)
        await queries.deleteRecipe(tx, name)
        await queries.forgetVersions(tx, name, 1)
        return { recipe: renderRecipe(await getRecipe(tx, name)) }
      })
    },

    async resumeRecipe(request, { caller }) {
      const name = nameOf(request.name)
      return once(sql, resumeRecipe, caller, request, async (tx) => {
        const row = await lockRecipe(tx, name, request.etag)
        if (row.deleteTime !== null) throw noRecipe(name)
        if (row.paused !== '') await queries.resumeRecipe(tx, name, nextOf(row))
        return { recipe: renderRecipe(await getRecipe(tx, name)) }
      })
    },

    async previewSchedule({ name, count, after }) {
      if (count > mostTimes) {
        throw invalid('INVALID_FIELD', `count ${count} is over ${mostTimes}`, { field: 'count' })
      }
      const { cron, zone, paused } = await getRecipe(sql, nameOf(name))
      const times = timesOf({ cron, zone })
      return {
        times:
          times === undefined
            ? []
            : nextTimes(times, after ?? now(), count === 0 ? usualTimes : count),
        timeZone: zone,
        paused,
      }
    },
  }

  function nextOf(schedule: { readonly cron: string; readonly zone: string }): Date | undefined {
    const times = timesOf(schedule)
    return times === undefined ? undefined : nextTimes(times, now(), 1)[0]
  }
}

/** The schedule as it is kept; undefined where there is none. */
export function timesOf({
  cron,
  zone,
}: Pick<queries.RecipeRow, 'cron' | 'zone'>): Times | undefined {
  return cron === '' ? undefined : { cron, timeZone: zone }
}

/** The recipe in this version, 0 for the newest, or RECIPE_NOT_FOUND. */
export async function getRecipe(
  sql: Sql | Transaction,
  name: string,
  version = 0,
): Promise<queries.RecipeRow> {
  const row = await queries.findRecipe(sql, name, version)
  if (row === undefined) throw noRecipe(name, version)
  return row
}

/** One facility does not fill the database. */
async function demandRoom(tx: Transaction, namespace: string, limit: number): Promise<void> {
  if (namespace === '') return
  const used = await queries.textBytes(tx, namespace)
  if (used <= limit) return
  const text = `With this version the recipes of ${namespace} take ${used} bytes, and may take ${limit}: delete some, whose versions go then if no build is of them, or ask the portal's operators for more room (--facility-recipe-bytes).`
  throw exhausted('RECIPES_FULL', text, { limit: String(limit), used: String(used) })
}

async function lockRecipe(tx: Transaction, name: string, etag: string): Promise<queries.RecipeRow> {
  await queries.lockRecipe(tx, name)
  const row = await getRecipe(tx, name)
  demandEtag(row, etag)
  return row
}

function demandPutEtag(name: string, before: queries.RecipeRow | undefined, etag: string): void {
  if (before?.deleteTime === null) demandEtag(before, etag)
  else if (etag !== '' && etag !== 'new') throw stale(name)
}

function demandEtag({ name, revision }: queries.RecipeRow, etag: string): void {
  if (etag !== '' && etag !== String(revision)) throw stale(name)
}

function stale(name: string): Failure {
  const text = `The recipe ${name} changed since you read it: read it again and decide anew.`
  return conflict('ETAG_MISMATCH', text, { name })
}

function nameOf(text: string): string {
  return renderRecipeName(parseRecipeName(text))
}

export function noRecipe(name: string, version = 0): Failure {
  const which = version === 0 ? `recipe "${name}"` : `version ${version} of the recipe "${name}"`
  const text = `There is no ${which}; "mrg-image list recipes" shows those that there are.`
  return missing('RECIPE_NOT_FOUND', text, { name })
}
