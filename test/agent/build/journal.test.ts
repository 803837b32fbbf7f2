import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openJournal } from '../../../agent/build/journal.ts'
import { sha256 } from '../../../lib/content/digest.ts'
import { temporaryFolder } from '../../support/folder.ts'

test('what was said can be read in parts, from anywhere, and has a digest', async () => {
  await using folder = await temporaryFolder()
  using journal = openJournal(join(folder.path, 'log'), 100_000)
  journal.say('one')
  journal.listen(Buffer.from('two\n'))
  expect(journal.read(0, 6).toString()).toBe('one\ntw')
  expect(journal.read(6, 100).toString()).toBe('o\n')
  expect(journal.read(8, 100)).toHaveLength(0)
  expect(journal.digest()).toBe(sha256(Buffer.from('one\ntwo\n')))
})

test('what goes over the limit is cut, and the builder can still say why', async () => {
  await using folder = await temporaryFolder()
  using journal = openJournal(join(folder.path, 'log'), 100_000)
  expect(() => {
    journal.listen(Buffer.alloc(200_000, 'x'))
  }).toThrow('limit of 100000 bytes')
  journal.say('the end')
  expect(journal.bytes).toBeLessThan(100_000)
  expect(journal.read(journal.bytes - 8, 8).toString()).toBe('the end\n')
  for (let i = 0; i < 5000; i++) journal.say('more')
  expect(journal.bytes).toBeLessThanOrEqual(100_000)
})
