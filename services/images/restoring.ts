import { invalid, precondition } from '../../lib/failure.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import { ImageServiceService, RestoreKind } from '../../proto/gen/merge/image/v1/image.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { cutPage, parsePage } from '../pages.ts'
import { getImage } from './found.ts'
import { listChanges } from './queries.ts'
import { renderChange } from './render.ts'
import { lockSubject, restoreStanding, type Subject } from './standing.ts'

type Restoring = Pick<
  Service<typeof ImageServiceService, [call: Call]>,
  'restoreImage' | 'listImageChanges'
>

/** The part of the image service that tells what was done to an image, and takes it back. */
export function restoringMethods({ sql }: { readonly sql: Sql }): Restoring {
  return {
    restoreImage: (request, { caller }) =>
      once(sql, ImageServiceService.restoreImage, caller, request, async (tx) => {
        const subject = await lockSubject(tx, request)
        const by = { actor: caller.name, reason: request.reason }
        const isAdmin = caller.role.kind === 'admin'
        switch (request.kind) {
          case RestoreKind.RESTORE_KIND_STANDING:
            await restoreStanding(tx, subject, { ...by, isAdmin })
            break
          case RestoreKind.RESTORE_KIND_BYTES:
            await restoreBytes(tx, subject)
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

async function restoreBytes(_tx: Transaction, { name, storage }: Subject): Promise<void> {
  await Promise.resolve()
  const is = storage === 'present' ? 'there' : storage
  throw precondition('WRONG_STATE', `The bytes of ${name} are ${is}.`, { state: storage })
}
