import { DatabaseSync } from 'node:sqlite'
import { ulid } from 'ulid'
import { tellTime } from '../../../agent/moment.ts'
import { placesIn, placesSchema } from '../../../agent/places.ts'
import { openDirectory } from '../../../lib/chunks/directory.ts'
import { packStore } from '../../../lib/chunks/packs.ts'
import type { ChunkIndex } from '../../../lib/chunks/places.ts'
import { chunkStoreContract, type OpenStore } from '../../contracts/chunkstore.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { placesInMemory } from '../../support/places.ts'

async function overDirectory(index: ChunkIndex, packBytes?: number): Promise<OpenStore> {
  const folder = await temporaryFolder()
  const blobs = await openDirectory({ path: folder.path, startedAt: performance.timeOrigin })
  const small = packBytes === undefined ? {} : { packBytes }
  return {
    store: packStore({ blobs, index, newId: ulid, ...small }),
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

function inSqlite(): ChunkIndex {
  const db = tellTime(new DatabaseSync(':memory:'), () => new Date())
  db.exec(placesSchema)
  return placesIn(db)
}

chunkStoreContract('packs in a directory', () => overDirectory(placesInMemory()))
chunkStoreContract('small packs in a directory', () => overDirectory(placesInMemory(), 50_000))
chunkStoreContract('packs in a directory, indexed in SQLite', () => overDirectory(inSqlite()))
