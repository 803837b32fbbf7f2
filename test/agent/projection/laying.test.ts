import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { openAgentDatabase } from '../../../agent/database.ts'
import { folderShelf } from '../../../agent/projection/folder.ts'
import { layOut, takeAway, type LayingDeps } from '../../../agent/projection/laying.ts'
import { planProjection, wantedOf } from '../../../agent/projection/plan.ts'
import { projectionIn } from '../../../agent/projection/table.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { recorder } from '../../support/log.ts'

const { signal } = new AbortController()
const files = [{ kind: 'rootfs', boot: 'bios' } as const]
const image = { name: 'a', digest: 'sha256:a', files, isRevoked: false }
const wish = { template: '{boot}/{name}-{file}', form: 'raw', aliases: new Map() } as const
const key = 'bios/a-rootfs'

test('what comes under a name is noted before it does, and goes if nobody wants it after a crash', async () => {
  await using folder = await temporaryFolder()
  using db = openAgentDatabase(folder.path)
  const shelf = await folderShelf(join(folder.path, 'images'), randomUUID)
  const table = projectionIn(db, shelf.place)
  const crashing: LayingDeps['shelf'] = {
    ...shelf,
    async put(staged, at, until) {
      expect(table.all()).toMatchObject([{ key, image: 'a', token: '' }])
      await shelf.put(staged, at, until)
      throw new Error('the power is gone')
    },
  }
  const deps: LayingDeps = {
    ...{ shelf: crashing, table, newUuid: randomUUID, now: () => new Date(), log: recorder().log },
    usage: { pin: () => ({ [Symbol.dispose]: () => undefined }), wrote: () => Promise.resolve() },
    make: (_, path) => writeFile(path, 'disk'),
  }
  const [wanted] = wantedOf([image], wish).values()
  if (wanted === undefined) throw new Error('nothing is wanted')
  await expect(layOut(wanted, deps, signal)).rejects.toThrow('the power is gone')
  expect(existsSync(join(shelf.place, key))).toBe(true)
  expect(table.laid()).toEqual([])

  expect(planProjection([image], wish, table.all()).puts).toMatchObject([{ key }])
  expect(planProjection([], wish, table.all()).removals).toEqual([key])
  await takeAway(key, deps, signal)
  expect(existsSync(join(shelf.place, key))).toBe(false)
  expect(table.all()).toEqual([])
})
