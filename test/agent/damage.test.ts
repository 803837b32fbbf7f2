import { collectableIn } from '../../agent/collectable.ts'
import { damageIn } from '../../agent/damage.ts'
import { openAgentDatabase } from '../../agent/database.ts'
import { placesIn } from '../../agent/places.ts'
import { damageContract } from '../contracts/damage.ts'
import { temporaryFolder } from '../support/folder.ts'

damageContract('SQLite', async () => {
  const folder = await temporaryFolder()
  const db = openAgentDatabase(folder.path)
  return {
    index: placesIn(db),
    collectable: collectableIn(db, () => 0),
    damage: damageIn(db),
    async [Symbol.asyncDispose]() {
      db.close()
      await folder[Symbol.asyncDispose]()
    },
  }
})
