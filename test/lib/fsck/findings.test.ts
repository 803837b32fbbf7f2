import { describe, expect, test } from '@jest/globals'
import { layOut } from '../../../lib/chunks/pack.ts'
import {
  afterSearch,
  compareChunks,
  comparePacks,
  type Finding,
} from '../../../lib/fsck/findings.ts'
import { exitCode, reportText } from '../../../lib/fsck/told.ts'
import { chunksOf, digestsOf } from '../../support/chunks.ts'

const chunks = chunksOf('chunks', 5)
const entries = layOut(chunks.map(({ entry }) => entry))
const digests = digestsOf(chunks)

describe('packs and their rows', () => {
  const packs = (...names: readonly string[]) =>
    names.map((name) => ({ key: `packs/${name}`, sizeBytes: 100 }))

  test('are in both, in the store alone, or in the rows alone', () => {
    const compared = comparePacks(packs('a', 'b'), packs('b', 'c'), () => false)
    expect(compared.both.map(({ stored }) => stored.key)).toEqual(['packs/b'])
    expect(compared.unrecorded).toEqual(packs('a'))
    expect(compared.lost).toEqual(packs('c'))
  })

  test('that are about to be deleted are nothing to speak of', () => {
    expect(comparePacks(packs('a'), [], () => true).unrecorded).toEqual([])
  })
})

describe('chunks and their rows', () => {
  test('agree, and a pack may have more than its rows', () => {
    expect(compareChunks(entries.slice(1), entries)).toEqual({ moved: [], alien: [] })
  })

  test.each(['offset', 'storedBytes', 'rawBytes'] as const)(
    'differ in %s, and the pack is right',
    (field) => {
      const rows = entries.map((row, i) => (i === 2 ? { ...row, [field]: row[field] + 1 } : row))
      expect(compareChunks(rows, entries)).toEqual({ moved: [entries[2]], alien: [] })
    },
  )

  test('that the pack does not have are not in it', () => {
    expect(compareChunks(entries, entries.slice(0, 3)).alien).toEqual(digests.slice(3))
  })
})

describe('what is told', () => {
  const missing = (where: string, chunkCount: number): Finding => ({
    flaw: 'missing chunks',
    where,
    chunks: chunkCount,
    detail: '',
    outcome: 'left',
  })
  const lost: Finding = { ...missing('packs/a', 5), flaw: 'lost pack', outcome: 'noted' }
  const report = {
    read: false,
    repair: false,
    packs: 1,
    bytes: 1000,
    chunks: 5,
    images: 2,
    manifests: 1,
    findings: [],
  }

  test('chunks that a search has found are repaired; those that are still missing are not', () => {
    const found = afterSearch([lost, missing('one', 5), missing('two', 9)], [missing('two', 3)])
    expect(found).toEqual([lost, { ...missing('one', 5), outcome: 'repaired' }, missing('two', 3)])
  })

  test('that nothing is wrong', () => {
    expect(reportText(report)).toBe(
      'Looked at 1 pack of 1000 bytes with 5 recorded chunks, and 1 manifest of 2 images. Nothing is wrong.',
    )
    expect(exitCode(report)).toBe(0)
  })

  test('what is wrong, what is repaired, and what to do about the rest, each once', () => {
    const wrong = {
      ...report,
      repair: true,
      findings: [lost, missing('one', 5), missing('two', 9)],
    }
    const text = reportText(wrong)
    expect(text).toContain('3 things are wrong: 1 noted, 2 left.')
    expect(text).toMatch(/^What +Where +Chunks +Outcome +Exactly\n---- +-----/m)
    expect(text).toMatch(/^pack that is gone +packs\/a +5 +noted$/m)
    expect(text.match(/publish the same file again/g)).toHaveLength(1)
    expect(text).toContain('within a minute once the service runs')
    expect(text).not.toContain('What lay in a pack that is gone')
    expect(exitCode(wrong)).toBe(1)
  })

  test('that nothing is left to do is no error', () => {
    const repaired = { ...report, repair: true, findings: [lost] }
    expect(reportText(repaired)).toContain('1 thing is wrong: 1 noted.')
    expect(exitCode(repaired)).toBe(0)
  })
})
