/** Where aliases point, by name. It never changes: a move makes another, which shares with it what stayed. */
export interface AliasTargets {
  readonly all: ReadonlyMap<string, string>
  /** What moved since; undefined is one that is gone. */
  readonly moved: ReadonlyMap<string, string | undefined>
}

/** Where an alias points from now on; undefined takes it away. */
export type Move = readonly [alias: string, image: string | undefined]

export const noAliases: AliasTargets = { all: new Map(), moved: new Map() }

/** More moves than this are merged in: a move then costs a small copy, and now and then a large one. */
const mostMoved = 256

export function withMoves({ all, moved }: AliasTargets, moves: readonly Move[]): AliasTargets {
  const later = new Map([...moved, ...moves])
  if (later.size <= mostMoved) return { all, moved: later }
  const merged = new Map(all)
  for (const [alias, image] of later) {
    if (image === undefined) merged.delete(alias)
    else merged.set(alias, image)
  }
  return { all: merged, moved: new Map() }
}

/** The exact name of the image that an alias points to. */
export function targetOf({ all, moved }: AliasTargets, alias: string): string | undefined {
  return moved.has(alias) ? moved.get(alias) : all.get(alias)
}
