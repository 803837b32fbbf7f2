import { decodeManifest } from '../../lib/content/encoding.ts'
import { chunkDigests } from '../../lib/content/manifest.ts'
import { renderImageName, type Line } from '../../lib/names/name.ts'
import { parseTarget } from '../../lib/names/target.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import {
  UploadServiceService,
  UploadState,
  type Upload,
} from '../../proto/gen/merge/image/v1/upload.ts'
import { followLines } from '../aliases/follow.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql } from '../db/open.ts'
import { once, onceFor } from '../db/requests.ts'
import { getFacility } from '../facilities/service.ts'
import { newGeneration } from '../generation.ts'
import { wantDeltas } from '../deltas/queries.ts'
import { insertImage, nextSerial } from '../images/queries.ts'
import { getImage } from '../images/service.ts'
import { demandShort } from '../remark.ts'
import { gatherCommit } from './commit.ts'
import type { Leases } from './leases.ts'
import { keepManifest } from './manifests.ts'
import { checkPackages, insertPackages } from './packages.ts'
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
      demandShort({ notes: request.notes })
      const { catalogue } = await readCatalogue(sql)
      const { line, point, day = '' } = parseTarget(request.target, catalogue)
      return once(sql, beginUpload, caller, request, async (tx) => {
        if (line.namespace !== '') await getFacility(tx, line.namespace)
        const upload = await insertUpload(tx, {
          id: newUuid(),
          caller: caller.name,
          target: renderTarget(line, point),
          day,
          notes: request.notes,
        })
        return { upload: renderUpload(upload) }
      })
    },

    async commitUpload(messages, { caller }) {
      const { header, bytes } = await gatherCommit(messages)
      const manifest = decodeManifest(bytes)
      checkPackages(header.packages)
      const { catalogue } = await readCatalogue(sql)
      // Before the transaction that names them, so that a collector sees it.
      await leases.take(header.uploadId, caller, chunkDigests(manifest))
      const request = Buffer.concat([Buffer.from(JSON.stringify(header)), bytes])
      return onceFor(sql, commitUpload, caller, header.requestId, request, async (tx) => {
        const upload = await lockOpenUpload(tx, header.uploadId, caller)
        const { line, point } = parseTarget(upload.target, catalogue)
        const day = upload.day === '' ? dayOf(now()) : upload.day
        const serial = await nextSerial(tx, { ...line, point }, day)
        const name = { ...line, point, build: { day, serial } }
        await insertImage(tx, {
          name,
          manifest: await keepManifest(tx, manifest, bytes),
          state: header.release ? 'released' : 'candidate',
          notes: upload.notes,
          creator: caller.name,
        })
        await wantDeltas(tx, renderImageName(name))
        await insertPackages(tx, renderImageName(name), header.packages)
        await closeUpload(tx, upload.id, 'committed', renderImageName(name))
        const aliases = header.release ? await followLines(tx, line) : []
        await newGeneration(tx, { images: [renderImageName(name)], aliases })
        return { image: await getImage(tx, renderImageName(name)) }
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

function renderTarget({ namespace, distro, release, role, arch }: Line, point: number): string {
  const prefix = namespace === '' ? '' : `${namespace}/`
  return `${prefix}${distro}-${release}.${point}-${role}-${arch}`
}

/** The day in UTC, as names write it. */
function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10).replaceAll('-', '')
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
