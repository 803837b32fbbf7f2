import { parseDigest } from '../../lib/content/digest.ts'
import { precondition } from '../../lib/failure.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import type { Caller } from '../../lib/rpc/caller.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { ImageFilter, ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { newGeneration } from '../generation.ts'
import { cutPage, parsePage } from '../pages.ts'
import { unpassedOfImage } from '../builds/checks.ts'
import { noManifest, readManifest } from '../uploads/manifests.ts'
import { packagesOf } from '../uploads/packages.ts'
import { demandDays, mayRead, maySee, renewCustom, shareCustom } from './custom.ts'
import { compareImages } from './diff.ts'
import { getImage, noImage } from './found.ts'
import { demandSelectors, editLabels, parseEdit } from './labels.ts'
import { listDescendants, listImages, lockImage } from './queries.ts'
import { movingMethods, type MovingDeps } from './moving.ts'
import { restoringMethods } from './restoring.ts'
import { lockSubject, stand, standingMethods } from './standing.ts'
import { renderImage, stateName, storageName } from './render.ts'

const partBytes = 256 * 1024

export function imageService(
  deps: MovingDeps & { readonly now: () => Date },
): Service<typeof ImageServiceService, [call: Call]> {
  const { sql } = deps
  const { releaseImage, renewImage, shareImage, labelImage } = ImageServiceService
  return {
    ...standingMethods(deps),
    ...restoringMethods(deps),
    ...movingMethods(deps),

    async getImage({ name }) {
      return { image: await getImage(sql, nameOf(name)) }
    },

    async listImages(request) {
      const given = request.filter ?? ImageFilter.create()
      const filter = {
        ...given,
        state: stateName(given.state),
        storage: storageName(given.storage),
      }
      demandSelectors(given.labels)
      const page = parsePage(request, filter)
      const { catalogue } = await readCatalogue(sql)
      const found = await listImages(sql, filter, page)
      const { rows, nextPageToken } = cutPage(
        found,
        page,
        ({ sequence }) => String(sequence),
        filter,
      )
      return { images: rows.map((row) => renderImage(row, catalogue)), nextPageToken }
    },

    async releaseImage(request, { caller }) {
      return once(sql, releaseImage, caller, request, async (tx) => {
        const subject = await lockSubject(tx, request)
        const { name, state } = subject
        if (state === 'candidate') {
          await demandChecks(tx, name, request.reason)
          const released = { state: 'released', heldBack: false, replacement: null } as const
          await stand(tx, subject, released, { actor: caller.name, reason: request.reason })
        } else if (state !== 'released') {
          const text = `${name} is ${state}, and only a candidate can be released.`
          throw precondition('WRONG_STATE', text, { state })
        }
        return { image: await getImage(tx, name) }
      })
    },

    async labelImage(request, { caller }) {
      const edit = parseEdit(request)
      return once(sql, labelImage, caller, request, async (tx) => {
        const name = nameOf(request.name)
        if ((await lockImage(tx, name)) === undefined) throw noImage(name)
        // Rules may select others now.
        if (await editLabels(tx, name, edit)) await newGeneration(tx, {})
        return { image: await getImage(tx, name) }
      })
    },

    async *getManifest({ digest }, { caller }) {
      const manifest = parseDigest(digest)
      if (!(await mayRead(sql, manifest, caller))) throw noManifest(manifest)
      const bytes = await readManifest(sql, manifest)
      for (let at = 0; at < bytes.length; at += partBytes) {
        yield { part: bytes.subarray(at, at + partBytes) }
      }
    },

    async getPackages(request, { caller }) {
      const { name } = await getVisible(sql, nameOf(request.name), caller)
      return { versions: await packagesOf(sql, name) }
    },

    async diffImages(request, { caller }) {
      const [from, to] = await Promise.all(
        [request.from, request.to].map((name) => getVisible(sql, nameOf(name), caller)),
      )
      return { from, to, ...(await compareImages(sql, request.from, request.to)) }
    },

    async listDescendants(request) {
      const { name } = await getImage(sql, nameOf(request.name))
      const page = parsePage(request, { name })
      const { catalogue } = await readCatalogue(sql)
      const found = await listDescendants(sql, name, page)
      const { rows, nextPageToken } = cutPage(found, page, (row) => String(row.sequence), { name })
      return { images: rows.map((row) => renderImage(row, catalogue)), nextPageToken }
    },

    async renewImage(request, { caller }) {
      demandDays(request.days)
      return once(sql, renewImage, caller, request, async (tx) => {
        const { name } = await getImage(tx, nameOf(request.name))
        await renewCustom(tx, name, request.days)
        return { image: await restated(tx, name) }
      })
    },

    async shareImage(request, { caller }) {
      return once(sql, shareImage, caller, request, async (tx) => {
        const { name } = await getImage(tx, nameOf(request.name))
        await shareCustom(tx, name, request.shared)
        return { image: await restated(tx, name) }
      })
    },
  }
}

function nameOf(text: string): string {
  return renderImageName(parseImageName(text))
}

/** An image whose answer changed, for those who remember answers. */
async function restated(tx: Transaction, name: string) {
  await newGeneration(tx, { images: [name] })
  return getImage(tx, name)
}

/** What a build made is released once its checks passed, or when somebody says why not to wait for that. */
async function demandChecks(tx: Transaction, name: string, reason: string): Promise<void> {
  const lacking = await unpassedOfImage(tx, name)
  if (lacking.length === 0 || reason !== '') return
  const checks = lacking.join(', ')
  const text = `${name} did not pass all of its checks (${checks}): "mrg-image show ${name}" says why, or that it is still checked; to release it all the same, give a reason.`
  throw precondition('CHECKS_NOT_PASSED', text, { checks })
}

/** The same, and NOT_FOUND for those who may not see what is in it. */
async function getVisible(sql: Sql, name: string, caller: Caller) {
  const image = await getImage(sql, name)
  if (!maySee(image, caller)) throw noImage(name)
  return image
}
