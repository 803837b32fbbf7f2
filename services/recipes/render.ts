import type { BuilderName } from '../../lib/recipes/recipe.ts'
import { BuilderKind, type Recipe } from '../../proto/gen/merge/image/v1/recipe.ts'
import type { RecipeRow } from './queries.ts'

const kinds: Readonly<Record<BuilderName, BuilderKind>> = {
  mmdebstrap: BuilderKind.BUILDER_KIND_MMDEBSTRAP,
  dnf: BuilderKind.BUILDER_KIND_DNF,
  command: BuilderKind.BUILDER_KIND_COMMAND,
}

export function kindCode(builder: BuilderName): BuilderKind {
  return kinds[builder]
}

export function renderRecipe(row: RecipeRow): Recipe {
  const { zone, revision, kind, ...same } = row
  return {
    ...same,
    digest: `sha256:${row.digest}`,
    builder: kind as BuilderKind,
    timeZone: zone,
    nextTime: row.nextTime ?? undefined,
    deleteTime: row.deleteTime ?? undefined,
    etag: String(revision),
  }
}
