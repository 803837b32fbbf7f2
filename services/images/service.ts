import { parseDigest } from '../../lib/content/digest.ts'
import { conflict, missing, precondition, type Failure } from '../../lib/failure.ts'
import { parseImageName, renderImageName } from '../../lib/names/name.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { ImageFilter, ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import { followLines } from '../aliases/follow.ts'
import { readCatalogue } from '../catalog/queries.ts'
import { announce } from '../db/changes.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { newGeneration } from '../generation.ts'
import { cutPage, parsePage } from '../pages.ts'
import { readManifest } from '../uploads/manifests.ts'
import { compareImages } from './diff.ts'
import { findImage, listImages, lockImage, lockLine, setState } from './queries.ts'
import { renderImage, stateName } from './render.ts'

const partBytes = 256 * 1024

export function imageService(deps: {
  readonly sql: Sql
}): Service<typeof ImageServiceService, [call: Call]> {
  const { sql } = deps
  return {
    async getImage({ name }) {
      return { image: await getImage(sql, renderImageName(parseImageName(name))) }
    },

    async listImages(request) {
      const given = request.filter ?? ImageFilter.create()
      const filter = { ...given, state: stateName(given.state) }
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
      const image = parseImageName(request.name)
      const name = renderImageName(image)
      return once(sql, ImageServiceService.releaseImage, caller, request, async (tx) => {
        await lockLine(tx, image)
        const now = await lockImage(tx, name)
        if (now === undefined) throw noImage(name)
        if (request.etag !== '' && request.etag !== String(now.version)) throw staleEtag(name)
        if (now.state === 'candidate') {
          await setState(tx, name, 'released', { actor: caller.name, reason: '' })
          await newGeneration(tx, { images: [name], aliases: await followLines(tx, image) })
          await announce(tx)
        } else if (now.state !== 'released') {
          throw precondition(
            'WRONG_STATE',
            `${name} is ${now.state}, and only a candidate can be released.`,
            { state: now.state },
          )
        }
        return { image: await getImage(tx, name) }
      })
    },

    async *getManifest({ digest }) {
      const bytes = await readManifest(sql, parseDigest(digest))
      for (let at = 0; at < bytes.length; at += partBytes) {
        yield { part: bytes.subarray(at, at + partBytes) }
      }
    },

    async diffImages(request) {
      const [from, to] = await Promise.all(
        [request.from, request.to].map((name) =>
          getImage(sql, renderImageName(parseImageName(name))),
        ),
      )
      return { from, to, ...(await compareImages(sql, request.from, request.to)) }
    },
  }
}

/** The image as it is sent, or NOT_FOUND. */
export async function getImage(sql: Sql | Transaction, name: string) {
  const row = await findImage(sql, name)
  if (row === undefined) throw noImage(name)
  const { catalogue } = await readCatalogue(sql)
  return renderImage(row, catalogue)
}

export function noImage(name: string): Failure {
  return missing(
    'NOT_FOUND',
    `There is no image ${name}; "mrg-image list" shows those that there are.`,
    { name },
  )
}

export function staleEtag(name: string): Failure {
  return conflict(
    'ETAG_MISMATCH',
    `${name} changed since you read it: read it again and decide anew.`,
    { name },
  )
}
