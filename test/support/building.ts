import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { BuildState, WatchBuildRequest, type Build } from '../../proto/gen/merge/image/v1/build.ts'
import { PutRecipeRequest } from '../../proto/gen/merge/image/v1/recipe.ts'
import { RunBuildRequest } from '../../proto/gen/merge/image/v1/build.ts'
import type { Clients } from './portal.ts'

export interface Ended {
  readonly build: Build
  readonly log: string
  /** How long before the end the first of the log came. */
  readonly liveMs: number
}

/** Keeps a recipe and queues a build of it. */
export async function startBuild(
  { builds }: Pick<Clients, 'builds'>,
  name: string,
  text: string,
  force = false,
): Promise<string> {
  await builds.putRecipe(PutRecipeRequest.create({ requestId: randomUUID(), name, text }))
  const request = RunBuildRequest.create({ requestId: randomUUID(), recipe: name, force })
  const { build } = await builds.runBuild(request)
  return build?.name ?? ''
}

/** Watches a build until it has ended, from wherever in its log. */
export async function watched(
  { builds }: Pick<Clients, 'builds'>,
  name: string,
  logOffset = 0n,
): Promise<Ended> {
  const parts: Buffer[] = []
  let last: Build | undefined
  let began: number | undefined
  for await (const { build, log } of builds.watchBuild(
    WatchBuildRequest.create({ name, logOffset }),
  )) {
    parts.push(log)
    if (log.length > 0) began ??= performance.now()
    last = build ?? last
  }
  if (last === undefined) throw new Error('a watch that said nothing')
  const now = performance.now()
  return { build: last, log: Buffer.concat(parts).toString(), liveMs: now - (began ?? now) }
}

export function stateOf({ state }: Build): string {
  const known = Object.entries(BuildState).find(([, value]) => value === state)
  return (known?.[0] ?? '').replace('BUILD_STATE_', '').toLowerCase()
}

/** A recipe whose command is this. */
export function commandRecipe(lines: readonly string[], more: readonly string[] = []): string {
  return [
    'line: debian-13-std-x86',
    'builder: command',
    'size: 64M',
    'checks: { boot: off, fsck: off, hygiene: off, packages: off }',
    ...more,
    'command: |',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n')
}

/** The processes of this machine whose command line has these words. */
export function processesWith(words: string): string {
  return spawnSync('pgrep', ['-f', words]).stdout.toString()
}
