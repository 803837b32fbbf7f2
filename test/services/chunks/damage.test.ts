import { chunkIndex } from '../../../services/chunks/queries.ts'
import { damageIn } from '../../../services/chunks/damage.ts'
import { collectableIndex } from '../../../services/storage/queries.ts'
import { damageContract } from '../../contracts/damage.ts'
import { freshDatabase } from '../../support/database.ts'

damageContract('Postgres', async () => {
  const database = await freshDatabase()
  const { sql } = database
  return {
    index: chunkIndex(sql),
    collectable: collectableIndex(sql, () => 0),
    damage: damageIn(sql),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
})
