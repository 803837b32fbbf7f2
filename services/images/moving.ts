import { either, nobodyWaits } from '../../lib/chunks/abort.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import { precondition, unavailable } from '../../lib/failure.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { ImageServiceService, WatchImageResponse } from '../../proto/gen/merge/image/v1/image.ts'
import { type Archive, demandArchive } from '../archive/archive.ts'
import { beginArchive } from '../archive/begin.ts'
import type { Changes } from '../db/changes.ts'
import type { Sql } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { whyKept } from '../needs/refusals.ts'
import { expireImage } from './expiring.ts'
import { getImage } from './found.ts'
import { demandReason, lockSubject } from './standing.ts'

export interface MovingDeps {
  readonly sql: Sql
  readonly now: () => Date
  readonly changes: Changes
  readonly newUuid: () => string
  readonly archive: Pick<Archive, 'reach'> | undefined
}

type Moving = Pick<
  Service<typeof ImageServiceService, [call: Call]>,
  'archiveImage' | 'expireImage' | 'watchImage'
>

/** How often whoever watches hears how far a move is. */
const progressMs = 1_000

/** The part of the image service that says where the bytes of images are to be. */
export function movingMethods(deps: MovingDeps): Moving {
  const { sql, now, changes, newUuid, archive } = deps
  return {
    archiveImage: (request, { caller, signal }) =>
      once(sql, ImageServiceService.archiveImage, caller, request, async (tx) => {
        await demandArchive(archive, signal)
        const subject = await lockSubject(tx, request)
        const by = { actor: caller.name, reason: request.reason, lease: newUuid() }
        await beginArchive(tx, subject, by, now())
        return { image: await getImage(tx, subject.name) }
      }),

    expireImage: (request, { caller }) =>
      once(sql, ImageServiceService.expireImage, caller, request, async (tx) => {
        demandReason(request.reason, 'Whoever looks for an expired image is told why')
        const subject = await lockSubject(tx, request)
        const { name, storage } = subject
        if (storage === 'expired') {
          throw precondition('WRONG_STATE', `${name} has expired already.`, { state: storage })
        }
        const refusal = await whyKept(tx, subject, now())
        if (refusal !== undefined) throw refusal
        await expireImage(tx, subject, { actor: caller.name, reason: request.reason })
        return { image: await getImage(tx, name) }
      }),

    async *watchImage(request, { signal, closing }) {
      const name = renderImageName(parseImageName(request.name))
      const over = AbortSignal.any([signal, closing])
      let sent: Uint8Array = new Uint8Array()
      while (!over.aborted) {
        const turn = new AbortController()
        const until = either(turn.signal, over)
        try {
          // Listening begins before reading, so that no change falls between the two.
          const changed = changes.next(until)
          const image = await getImage(sql, name)
          const bytes = WatchImageResponse.encode({ image }).finish()
          if (Buffer.compare(bytes, sent) !== 0) yield { image }
          sent = bytes
          const later = sleep(progressMs, until).catch(() => undefined)
          await (image.move === undefined ? changed : Promise.race([changed, later]))
        } finally {
          turn.abort(nobodyWaits)
        }
      }
      throw unavailable('NOT_READY', 'The portal is stopping: connect again in a moment.')
    },
  }
}
