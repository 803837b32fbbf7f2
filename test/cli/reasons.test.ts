import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { newGeneration } from '../../services/generation.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

const day = '20261123'
const good = `fedora-43.1-std-x86-${day}`
const revoked = `fedora-43.2-std-x86-${day}`
const expired = `fedora-43.3-std-x86-${day}`

/** Every reason why a reference means no image, as people read it. */
const table: readonly (readonly [reason: string, reference: string, says: readonly string[]])[] = [
  ['EMPTY', ' ', ['The image reference is empty: write one, as in fedora-43']],
  ['INVALID_NAME', 'fedora 43', ['has a space in it: write dashes between its words']],
  ['INVALID_NAME', 'fedora*', ['no reference has the character *']],
  [
    'INVALID_NAME',
    'fedora, colour = red',
    ['"colour = red" is no clause: no field is called "colour"'],
  ],
  ['INVALID_NAME', 'ubuntu, releas >= 2204', ['"releas"; did you mean `release`?']],
  ['INVALID_NAME', 'fedora =>', ['is no clause: write "fedora-43"', 'release >= 2204']],
  [
    'INVALID_DATE',
    'fedora-43-20260230',
    ['"20260230" is no day or month', 'as 20260615 or 202606'],
  ],
  ['UNKNOWN_DISTRO', 'fedroa-43', ['No distro is called "fedroa"; did you mean `fedora`?']],
  ['UNKNOWN_DISTRO', '2403', ['No distro has a release "2403"; did you mean', '`2404`']],
  [
    'UNKNOWN_DISTRO',
    'vte-fedora',
    ['"vte"; it is a role, and goes after a distro, as in ', '-vte'],
  ],
  ['UNKNOWN_DISTRO', 'distro = noble', ['it is a release of `ubuntu`']],
  ['UNKNOWN_RELEASE', 'debian-99', ['Debian has no release "99"; known are 10, 11, 12, 13, 14']],
  ['UNKNOWN_TOKEN', 'fedora-43-hyperivisor', ['"hyperivisor"', 'did you mean `hypervisor`?']],
  ['DUPLICATE_FIELD', 'noble-2404', ['gives the release twice: leave out "2404"']],
  ['AMBIGUOUS', '9-std', ['can be read in 2 ways: write `alma-9-std` or `rocky-9-std`']],
  ['NOT_FOUND', `fedora-43.1-std-x86-20250101`, [`the newest of its line is ${good}`]],
  ['NO_MATCH', 'fedora-43-vte', ['No eligible image fits', 'nothing is left after "role = vte"']],
  ['REVOKED', revoked, [`${revoked} is revoked; use ${good} instead`]],
  ['EXPIRED', expired, ['has expired and its bytes are gone', `newest of its line is ${good}`]],
  ['DIGEST_MISMATCH', `${good}@sha256:${'0'.repeat(64)}`, ['not the one that is pinned: check']],
]

describe('why a reference means no image', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-23T12:00:00Z'))
    const producer = portal.as('producer')
    for (const point of [1, 2, 3]) await publish(producer, `fedora-43.${point}`, randomBytes(1000))
    await portal.sql.begin(async (tx) => {
      await tx`update image set state = 'revoked', replacement = ${good} where name = ${revoked}`
      await tx`update image set storage = 'expired' where name = ${expired}`
      await newGeneration(tx, { images: [revoked, expired] })
    })
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function refused(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    expect(await main(mrgImage, ['resolve', ...argv], host)).toBe(1)
    expect(out).toEqual([])
    return err.join('\n')
  }

  test.each(table)('%s: `%s` is told in a sentence', async (reason, reference, says) => {
    const error = await refused(reference, '--json')
    expect(JSON.parse(error)).toMatchObject({ error: { reason } })
    const [sentence = '', hint = '', ...more] = (await refused(reference)).split('\n')
    for (const words of says) expect(sentence).toContain(words)
    expect(sentence).toMatch(/^mrg-image: [^{}\\]{20,260}$/)
    expect(more).toEqual([])
    // What to do next is said once.
    if (hint !== '') expect(hint).toMatch(/^[`A-Z].*\.$/)
    if (sentence.includes(good)) expect(hint).not.toContain(good)
  })

  test('has every reason of the table in names.md', () => {
    expect(new Set(table.map(([reason]) => reason))).toEqual(
      new Set([
        ...['EMPTY', 'INVALID_NAME', 'INVALID_DATE', 'UNKNOWN_DISTRO', 'UNKNOWN_RELEASE'],
        ...['UNKNOWN_TOKEN', 'DUPLICATE_FIELD', 'AMBIGUOUS', 'NOT_FOUND', 'NO_MATCH', 'REVOKED'],
        ...['EXPIRED', 'DIGEST_MISMATCH'],
      ]),
    )
  })
})
