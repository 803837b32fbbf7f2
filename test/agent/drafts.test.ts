import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openAgentDatabase } from '../../agent/database.ts'
import { draftsIn } from '../../agent/drafts.ts'
import { temporaryFolder } from '../support/folder.ts'

test('a start removes the files that a crash left, and no others', async () => {
  await using folder = await temporaryFolder()
  const at = (name: string) => join(folder.path, name)
  const names = ['left', 'finished', 'strange']
  for (const name of names) await writeFile(at(name), 'bytes')

  const crashed = openAgentDatabase(folder.path)
  const drafts = draftsIn(crashed)
  drafts.remember(at('left'))
  drafts.remember(at('never-made'))
  drafts.remember(at('finished'))[Symbol.dispose]()
  crashed.close()

  using db = openAgentDatabase(folder.path)
  draftsIn(db)
  expect(names.filter((name) => existsSync(at(name)))).toEqual(['finished', 'strange'])
  expect(db.prepare('SELECT path FROM draft').all()).toEqual([])
})

test('what a crash left is removed once: a later file of that name is safe', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'file')
  using db = openAgentDatabase(folder.path)
  draftsIn(db).remember(path)
  draftsIn(db)
  await writeFile(path, 'somebody else’s')
  draftsIn(db)
  expect(existsSync(path)).toBe(true)
})
