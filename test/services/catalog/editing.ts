import { randomUUID } from 'node:crypto'
import { Distro, Release } from '../../../proto/gen/merge/image/v1/catalog.ts'
import { ResolveImageRequest } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { freshPortal } from '../../support/portal.ts'

export type Editing = Awaited<ReturnType<typeof freshCatalogue>>

/** A portal, and its catalogue as an admin reads and changes it. */
export async function freshCatalogue() {
  const portal = await freshPortal(() => new Date('2026-11-23T12:00:00Z'))
  const admin = portal.as('admin')
  const reader = portal.as('experimenter')

  async function distro(word: string): Promise<Distro> {
    const { distro } = await admin.catalog.getDistro({ distro: word })
    if (distro === undefined) throw new Error('an answer without a distro')
    return distro
  }

  async function release(word: string, digits: string): Promise<Release> {
    const found = (await distro(word)).releases.find((one) => one.release === digits)
    if (found === undefined) throw new Error(`no release ${digits}`)
    return found
  }

  return {
    portal,
    admin,
    distro,
    release,
    order: async (word: string) => (await distro(word)).releases.map((one) => one.release),
    resolve: async (reference: string) => {
      const request = ResolveImageRequest.create({ reference })
      return (await reader.resolver.resolveImage(request)).image
    },
    putDistro: (words: Partial<Distro>, more = {}) =>
      admin.catalog.putDistro({
        ...{ requestId: randomUUID(), distro: Distro.fromPartial(words), etag: '' },
        ...more,
      }),
    putRelease: (of: string, fields: Partial<Release>, more = {}) =>
      admin.catalog.putRelease({
        ...{ requestId: randomUUID(), distro: of, after: '', first: false, etag: '' },
        release: Release.fromPartial({ officialName: fields.release ?? '', ...fields }),
        ...more,
      }),
    putRole: (role: string, requestId: string = randomUUID()) =>
      admin.catalog.putRole({ requestId, role }),
  }
}
