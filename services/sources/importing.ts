import { Failure } from '../../lib/failure.ts'
import { parseImageName } from '../../lib/names/name.ts'
import { addressOf } from '../../lib/sources/address.ts'
import { parseSource } from '../../lib/sources/parse.ts'
import type { Found, Part } from '../../lib/sources/source.ts'
import { BuildTrigger } from '../../proto/gen/merge/image/v1/build.ts'
import { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import { buildName, demandRoom, type Wish } from '../builds/queue.ts'
import { insertBuild } from '../builds/queries.ts'
import { announceQueue } from '../db/changes.ts'
import type { Transaction } from '../db/open.ts'
import { partRow } from './parts.ts'
import type { SourceRow } from './queries.ts'

/** What is imported, as what. */
export interface ImportWish {
  readonly item: Found
  readonly parts: readonly Part[]
  readonly target: string
  readonly day: string
}

export type ImportedBy = Pick<SourceRow, 'name' | 'facility' | 'version' | 'text'>

/** Queues the import of an item by a source as it is at hand, and answers the build's name. */
export async function queueImport(
  tx: Transaction,
  source: ImportedBy,
  { item, parts, target, day }: ImportWish,
  wish: Wish,
  newUlid: () => string,
): Promise<string> {
  const { facility, text } = source
  const { place, release, limits, schedule } = parseSource(text)
  await demandRoom(tx, facility)
  const name = buildName(facility, newUlid())
  await insertBuild(tx, {
    ...{ ...wish, name, facility, target, arch: lineOf(target).arch },
    ...{ recipe: null, recipeVersion: null, kind: BuilderKind.BUILDER_KIND_IMPORT },
    requiredChecks: [],
    releases: release === 'automatic',
    pauseAfter: schedule?.pauseAfter ?? 0,
    logLimit: limits.logBytes,
    timeLimitMs: limits.timeMs,
    maxAttempts: limits.attempts,
  })
  const { sha256 = '', sizeBytes = 0n, time = null } = item
  await tx`
    insert into import (build, source, source_version, text, item, version, sha256, size_bytes, time, fields, parts, url, day)
    values (${name}, ${source.name}, ${source.version}, ${text}, ${item.name}, ${item.version}, ${sha256},
      ${sizeBytes}, ${time}, ${tx.json(item.fields)}, ${tx.json(parts.map(partRow))}, ${addressOf(place, item.name)}, ${day})`
  await announceQueue(tx, facility)
  return name
}

/** Line and point of a target that was rendered. */
export function lineOf(target: string) {
  return parseImageName(`${target}-20260101`)
}

/** Queues imports until the queue is full, and says so then. */
export async function queueImports(
  tx: Transaction,
  source: ImportedBy,
  wishes: readonly ImportWish[],
  wish: Wish,
  newUlid: () => string,
): Promise<{ readonly queued: readonly string[]; readonly full: Failure | undefined }> {
  const queued: string[] = []
  for (const one of wishes) {
    try {
      queued.push(await queueImport(tx, source, one, wish, newUlid))
    } catch (error) {
      if (error instanceof Failure && error.reason === 'QUEUE_FULL') return { queued, full: error }
      throw error
    }
  }
  return { queued, full: undefined }
}

/** An import that a person asked for, or a schedule. */
export function wishOf(requester: string, reason = '', force = false): Wish {
  const trigger =
    requester === 'schedule'
      ? BuildTrigger.BUILD_TRIGGER_SCHEDULE
      : BuildTrigger.BUILD_TRIGGER_PERSON
  return { trigger, requester, reason, force, scheduleTime: null, retryOf: null }
}
