import { parseLabels } from '../../lib/labels.ts'
import { decodeManifest } from '../../lib/content/encoding.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { invalid } from '../../lib/failure.ts'
import { dayOf } from '../../lib/names/day.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import { parseTarget, renderTarget } from '../../lib/names/target.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  UploadServiceService,
  UploadState,
  type BeginUploadRequest,
  type CommitHeader,
  type CustomUpload,
  type Upload,
} from '../../proto/gen/merge/image/v1/upload.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql } from '../db/open.ts'
import { once, onceFor } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { demandDays } from '../images/custom.ts'
import { getImage } from '../images/found.ts'
import { demandShort } from '../remark.ts'
import { gatherCommit } from './commit.ts'
import type { Leases } from './leases.ts'
import { makeImage } from './making.ts'
import { checkPackages } from './packages.ts'
import { demandAlone, demandGone, restoreImage } from './restoring.ts'
import { closeUpload, findUpload, insertUpload, lockOpenUpload, type UploadRow } from './queries.ts'

export function uploadService(deps: {
  readonly sql: Sql
  readonly leases: Leases
  readonly now: () => Date
  readonly newUuid: () => string
}): Service<typeof UploadServiceService, [call: Call]> {
  const { sql, leases, now, newUuid } = deps
  const { beginUpload, commitUpload, abortUpload } = UploadServiceService
  return {
    async beginUpload(request, { caller }) {
      if (request.restores !== undefined) return beginRestoring(deps, request, caller)
      demandShort({ notes: request.notes })
      const labels = parseLabels(request.labels)
      const { catalogue } = await readCatalogue(sql)
      const { line, point, day = '' } = parseTarget(request.target, catalogue)
      demandPlace(line.namespace, request.custom)
      return once(sql, beginUpload, caller, request, async (tx) => {
        if (line.namespace !== '') await getFacility(tx, line.namespace)
        const upload = await insertUpload(tx, {
          id: newUuid(),
          caller: caller.name,
          target: renderTarget(line, point),
          day,
          notes: request.notes,
          labels,
          custom: request.custom !== undefined,
          days: request.custom?.days ?? 0,
          shared: request.custom?.shared ?? false,
          restores: null,
        })
        return { upload: renderUpload(upload) }
      })
    },

    async commitUpload(messages, { caller }) {
      const { header, bytes } = await gatherCommit(messages)
      const manifest = decodeManifest(bytes)
      checkPackages(header.packages)
      const { catalogue } = await readCatalogue(sql)
      const { custom } = await findUpload(sql, header.uploadId, caller)
      // Before the transaction that names them, so that a collector sees it.
      if (!custom) await leases.take(header.uploadId, caller, chunkDigests(manifest))
      const request = Buffer.concat([Buffer.from(toJson(header)), bytes])
      const sent = { requestId: header.requestId, bytes: request, said: header }
      return onceFor(sql, commitUpload, caller, sent, async (tx) => {
        const upload = await lockOpenUpload(tx, header.uploadId, caller)
        const given = { upload, header, manifest, bytes, caller }
        const image =
          upload.restores === null
            ? await makeImage(
                tx,
                { ...given, target: parseTarget(upload.target, catalogue) },
                dayOf(now()),
              )
            : await restoreImage(tx, given, upload.restores)
        await closeUpload(tx, upload.id, 'committed', image)
        return { image: await getImage(tx, image) }
      })
    },

    async abortUpload(request, { caller }) {
      return once(sql, abortUpload, caller, request, async (tx) => {
        const { id } = await lockOpenUpload(tx, request.uploadId, caller)
        return { upload: renderUpload(await closeUpload(tx, id, 'aborted', null)) }
      })
    },

    async getUpload({ uploadId }, { caller }) {
      return { upload: renderUpload(await findUpload(sql, uploadId, caller)) }
    },
  }
}

async function beginRestoring(
  { sql, newUuid }: { readonly sql: Sql; readonly newUuid: () => string },
  request: BeginUploadRequest,
  caller: Caller,
) {
  const name = parseImageName(request.restores ?? '')
  demandAlone(request)
  return once(sql, UploadServiceService.beginUpload, caller, request, async (tx) => {
    const restores = renderImageName(name)
    await demandGone(tx, name)
    const upload = await insertUpload(tx, {
      ...{ id: newUuid(), caller: caller.name, restores },
      ...{ target: renderTarget(name, name.point), day: name.build.day, notes: '', labels: {} },
      ...{ custom: false, days: 0, shared: false },
    })
    return { upload: renderUpload(upload) }
  })
}

function demandPlace(namespace: string, custom: CustomUpload | undefined): void {
  if (custom === undefined) return
  demandDays(custom.days)
  if (namespace !== '') return
  const text =
    'What stays at a facility is in its namespace: write it before the target, as in lab1/debian-13.'
  throw invalid('INVALID_FIELD', text, { field: 'custom' })
}

/** What a request id stands for, beside the manifest. */
function toJson(header: CommitHeader): string {
  return JSON.stringify(header, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

const states = {
  open: UploadState.UPLOAD_STATE_OPEN,
  committed: UploadState.UPLOAD_STATE_COMMITTED,
  aborted: UploadState.UPLOAD_STATE_ABORTED,
  lapsed: UploadState.UPLOAD_STATE_ABORTED,
} as const

function renderUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    target: row.target,
    state: row.state === 'open' && row.expired ? states.aborted : states[row.state],
    expireTime: row.expireTime,
    image: row.image ?? '',
  }
}
