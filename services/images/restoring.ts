import { invalid, precondition } from '../../lib/failure.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import {
  ImageServiceService,
  RestoreKind,
  type RestoreImageRequest,
} from '../../proto/gen/merge/image/v1/image.ts'
import { type Archive, demandArchive } from '../archive/archive.ts'
import { beginRestore, type MovedBy } from '../archive/begin.ts'
import { findMove } from '../archive/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { cutPage, parsePage } from '../pages.ts'
import { getImage } from './found.ts'
import { findImage, listChanges } from './queries.ts'
import { renderChange } from './render.ts'
import { lockSubject, restoreStanding, type Subject } from './standing.ts'
import { undelete } from './undeleting.ts'

type Restoring = Pick<
  Service<typeof ImageServiceService, [call: Call]>,
  'restoreImage' | 'listImageChanges'
>

export interface RestoringDeps {
  readonly sql: Sql
  readonly newUuid: () => string
  readonly archive: Pick<Archive, 'reach'> | undefined
}

/** The part of the image service that tells what was done to an image, and takes it back. */
export function restoringMethods(deps: RestoringDeps): Restoring {
  const { sql, newUuid } = deps
  return {
    restoreImage: (request, { caller, signal }) =>
      once(sql, ImageServiceService.restoreImage, caller, request, async (tx) => {
        await demandReach(tx, deps, request, signal)
        const subject = await lockSubject(tx, request)
        const by = { actor: caller.name, reason: request.reason }
        const isAdmin = caller.role.kind === 'admin'
        switch (request.kind) {
          case RestoreKind.RESTORE_KIND_STANDING:
            await restoreStanding(tx, subject, { ...by, isAdmin })
            break
          case RestoreKind.RESTORE_KIND_BYTES:
            await restoreBytes(tx, subject, { ...by, lease: newUuid() })
            break
          case RestoreKind.RESTORE_KIND_UNSPECIFIED:
          case RestoreKind.UNRECOGNIZED:
            throw invalid('INVALID_FIELD', 'kind says what to take back: STANDING or BYTES.', {
              field: 'kind',
            })
        }
        return { image: await getImage(tx, subject.name) }
      }),

    async listImageChanges(request) {
      const { name } = await getImage(sql, renderImageName(parseImageName(request.name)))
      const page = parsePage(request, { name })
      const found = await listChanges(sql, name, page)
      const { rows, nextPageToken } = cutPage(found, page, (row) => String(row.version), { name })
      return { changes: rows.map(renderChange), nextPageToken }
    },
  }
}

/** Brings the bytes back: at once where they are still there, from the archive in the background. */
async function restoreBytes(tx: Transaction, subject: Subject, by: MovedBy): Promise<void> {
  const { name, storage } = subject
  switch (storage) {
    case 'archived':
      return beginRestore(tx, subject, by)
    case 'expired':
      return undelete(tx, subject, by)
    case 'present': {
      const going = (await findMove(tx, name)) !== undefined
      const text = going
        ? `${name} is on its way to the archive: wait until it is there.`
        : `The bytes of ${name} are there.`
      throw precondition('WRONG_STATE', text, { state: storage })
    }
  }
}

/** An archive that is away is told before anything is locked; whoever is not archived does not need it. */
async function demandReach(
  tx: Transaction,
  { archive }: RestoringDeps,
  request: RestoreImageRequest,
  signal: AbortSignal,
): Promise<void> {
  if (request.kind !== RestoreKind.RESTORE_KIND_BYTES) return
  const found = await findImage(tx, renderImageName(parseImageName(request.name)))
  if (found?.storage === 'archived' && found.move === null) await demandArchive(archive, signal)
}
