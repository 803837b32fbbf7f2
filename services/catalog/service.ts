import { distroOf, type Catalogue, type Distro } from '../../lib/names/catalogue.ts'
import {
  admitDistro,
  admitRelease,
  parseDistro,
  parseRelease,
  parseRole,
  withRelease,
} from '../../lib/names/edit.ts'
import {
  etagOfDistro,
  etagOfRelease,
  renderCatalogue,
  renderDistro,
} from '../../lib/names/message.ts'
import { noDistro } from '../../lib/names/unknown.ts'
import type { Call } from '../../lib/rpc/serve.ts'
import type { Service } from '../../lib/rpc/service.ts'
import { CatalogServiceService } from '../../proto/gen/merge/image/v1/catalog.ts'
import { atOneMoment } from '../db/moment.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { once } from '../db/requests.ts'
import { newGeneration } from '../generation.ts'
import { staleEtag } from '../images/found.ts'
import {
  lockCatalogue,
  putDistro,
  putRelease,
  putRole,
  readCatalogue,
  type CatalogueAt,
} from './queries.ts'

export function catalogService(deps: {
  readonly sql: Sql
}): Service<typeof CatalogServiceService, [call: Call]> {
  const { sql } = deps
  return {
    async listDistros() {
      const { catalogue, generation } = await snapshot(sql)
      return renderCatalogue(catalogue, generation)
    },

    async getDistro({ distro: word }) {
      const { catalogue } = await snapshot(sql)
      return { distro: renderDistro(knownDistro(catalogue, word)) }
    },

    async putDistro(request, { caller }) {
      const words = parseDistro(request.distro)
      return once(sql, CatalogServiceService.putDistro, caller, request, async (tx) => {
        const catalogue = await lockCatalogue(tx)
        const before = catalogue.distros.find(({ id }) => id === words.id)
        checkEtag(words.id, request.etag, before && etagOfDistro(before))
        admitDistro(words, catalogue)
        await putDistro(tx, words)
        return changed(tx, words.id)
      })
    },

    async putRelease(request, { caller }) {
      const release = parseRelease(request.release)
      return once(sql, CatalogServiceService.putRelease, caller, request, async (tx) => {
        const catalogue = await lockCatalogue(tx)
        const distro = knownDistro(catalogue, request.distro)
        const before = distro.releases.find((one) => one.release === release.release)
        const name = `${distro.id} ${release.release}`
        checkEtag(name, request.etag, before && etagOfRelease(before))
        const after = withRelease(distro, release, request)
        admitRelease(release, after, catalogue)
        await putRelease(tx, after, release)
        return changed(tx, distro.id)
      })
    },

    async putRole(request, { caller }) {
      return once(sql, CatalogServiceService.putRole, caller, request, async (tx) => {
        await putRole(tx, parseRole(request.role, await lockCatalogue(tx)))
        const generation = await newCatalogue(tx)
        const { catalogue } = await readCatalogue(tx)
        return { roles: [...catalogue.roles], generation }
      })
    },
  }
}

/** The catalogue as it was at one moment, all of one generation. */
function snapshot(sql: Sql): Promise<CatalogueAt> {
  return atOneMoment(sql, readCatalogue)
}

function knownDistro(catalogue: Catalogue, word: string): Distro {
  const distro = distroOf(catalogue, word.toLowerCase())
  if (distro === undefined) throw noDistro(word, catalogue)
  return distro
}

function checkEtag(name: string, asked: string, now: string | undefined): void {
  if (asked !== '' && asked !== now) throw staleEtag(name)
}

/** The distro as it is now, of the generation that this makes. */
async function changed(tx: Transaction, id: string) {
  const generation = await newCatalogue(tx)
  const { catalogue } = await readCatalogue(tx)
  return { distro: renderDistro(knownDistro(catalogue, id)), generation }
}

function newCatalogue(tx: Transaction): Promise<bigint> {
  return newGeneration(tx, { catalogue: true })
}
