import { sleep } from '../../lib/chunks/clock.ts'
import type { HealingSource } from '../../lib/chunks/healing.ts'
import type { Limit } from '../../lib/chunks/limit.ts'
import type { Digest } from '../../lib/content/digest.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { parseImageName } from '../../lib/names/name.ts'
import { numberedFile, type OfferedImage } from '../../lib/offered/offer.ts'
import { startOffering, type Offered, type OfferSettings } from '../../lib/offered/starting.ts'
import type { World } from '../../lib/service.ts'
import type { Pool } from '../../lib/workers/pool.ts'
import { verifier } from '../../lib/workers/verifier.ts'
import type { Sql } from '../db/open.ts'
import { readManifest } from '../uploads/manifests.ts'
import { forgetForms, keepForms, knownForms, offeredImages, piecesOf } from './queries.ts'
import type { OfferedRow } from './queries.ts'

interface Deps extends Pick<World, 'clock' | 'log'> {
  readonly sql: Sql
  readonly store: HealingSource
  readonly pool: Pool
  readonly limit: Limit
}

/** Offers the portal's released images, if it is to. */
export function offerReleased(
  settings: OfferSettings,
  deps: Deps,
  stack: AsyncDisposableStack,
): Promise<Offered | undefined> {
  const { sql, pool, clock } = deps
  const offering = {
    ...deps,
    verify: verifier(pool),
    clock: { now: clock, sleep },
    images: async () => (await offeredImages(sql)).map(offeredImage),
    manifestOf: async ({ digest }: OfferedImage) => decodeManifest(await readManifest(sql, digest)),
    table: {
      all: () => knownForms(sql),
      pieces: (image: string) => piecesOf(sql, image),
      keep: (image: string, measured: Parameters<typeof keepForms>[2]) =>
        keepForms(sql, image, measured),
      forget: (images: readonly string[]) => forgetForms(sql, images),
    },
    reading: () => ({ [Symbol.dispose]: () => undefined }),
  }
  return startOffering(settings, offering, stack)
}

function offeredImage({ name, digest, artifacts, ...row }: OfferedRow): OfferedImage {
  const files = artifacts.flatMap(({ sizeBytes, sha256, ...artifact }) =>
    numberedFile({ ...artifact, sizeBytes: Number(sizeBytes), sha256: sha256 as Digest }),
  )
  return { ...row, name, fields: parseImageName(name), digest: digest as Digest, files }
}
