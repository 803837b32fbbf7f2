import { Failure } from '../lib/failure.ts'
import { connect } from '../lib/rpc/connect.ts'
import { BuildServiceService } from '../proto/gen/merge/image/v1/build.ts'
import type { Recipe } from '../proto/gen/merge/image/v1/recipe.ts'
import type { Context } from './command.ts'
import { present } from './find.ts'

const mostVersions = 10

/** The newest versions, newest first; old ones that nobody built are let go in time. */
export async function versionsOf(context: Context, name: string): Promise<readonly Recipe[]> {
  const { version: newest } = present(await versionOf(context, name, 0))
  const count = Math.min(newest, mostVersions)
  const found = await Promise.all(
    Array.from({ length: count }, (_, i) => versionOf(context, name, newest - i)),
  )
  return found.filter((recipe) => recipe !== undefined)
}

async function versionOf(
  context: Context,
  name: string,
  version: number,
): Promise<Recipe | undefined> {
  const { signal } = context
  try {
    return (
      await connect(BuildServiceService, context.channel).getRecipe({ name, version }, { signal })
    ).recipe
  } catch (error) {
    if (error instanceof Failure && error.reason === 'RECIPE_NOT_FOUND' && version > 0) {
      return undefined
    }
    throw error
  }
}
