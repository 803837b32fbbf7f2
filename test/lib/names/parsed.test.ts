import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Failure } from '../../../lib/failure.ts'
import { renderClause, renderReference } from '../../../lib/names/parsed.ts'
import { parseReference } from '../../../lib/names/reference.ts'
import { wordsOf } from '../../../lib/names/resolve.ts'
import { ResolveRule } from '../../../proto/gen/merge/image/v1/resolver.ts'
import { aWorld, cases } from './world.ts'

const words = wordsOf(aWorld())
const parsed = (text: string) => renderReference(parseReference(text, words), 7n)

describe('a reference as it is sent', () => {
  test('has every field of an exact name, and the digest that it pins', () => {
    const pin = `sha256:${'ab'.repeat(32)}`
    expect(parsed(`lab1/debian-13.1-mytools-x86-20260615.2@${pin}`)).toMatchObject({
      rule: ResolveRule.RESOLVE_RULE_EXACT,
      namespace: 'lab1',
      distro: 'debian',
      release: '13',
      point: 1,
      role: 'mytools',
      arch: 'x86',
      build: '20260615.2',
      digest: pin,
      generation: 7n,
    })
  })

  test('leaves empty what a partial name leaves free', () => {
    expect(parsed('ubuntu-24044-arm64')).toMatchObject({
      rule: ResolveRule.RESOLVE_RULE_PARTIAL,
      ...{ distro: 'ubuntu', release: '2404', point: 4, role: '', arch: 'aarch64', build: '' },
      warnings: [{ code: 'LEGACY_FORM' }],
    })
    expect(parsed('noble').point).toBeUndefined()
  })

  test('names an alias, whatever it points at', () => {
    expect(parsed('ubuntu2204-std')).toMatchObject({
      rule: ResolveRule.RESOLVE_RULE_ALIAS,
      alias: 'ubuntu2204-std',
      distro: '',
    })
  })

  test.each([
    [
      'ubuntu, release >= 2204, arch = arm64',
      ['distro = ubuntu', 'release >= 2204', 'arch = aarch64'],
    ],
    ['>= ubuntu-22.04', ['>= ubuntu-2204']],
    ['fedora-43, != fedora-43.2', ['distro = fedora', 'release = 43', '!= fedora-43.2']],
    ['debian-12, build <= 202606', ['distro = debian', 'release = 12', 'build <= 202606']],
    [
      'fedora, != fedora-43.4-std-x86-20260601',
      ['distro = fedora', '!= fedora-43.4-std-x86-20260601.0'],
    ],
  ])('%s has its clauses in one spelling', (text, clauses) => {
    expect(parsed(text)).toMatchObject({ rule: ResolveRule.RESOLVE_RULE_CONSTRAINT, clauses })
  })

  test('has clauses that are read as the same constraint', () => {
    const value = fc.constantFrom(
      ...['fedora-43', 'fedora-43.2', 'fedora-43-vte', 'fedora-42-202601', 'fedora-43.4-std-x86'],
      ...['fedora-43.4-std-x86-20260601', 'fedora-43.4-std-x86-20260601.3', 'fedora', 'fedora43'],
    )
    const op = fc.constantFrom('', '=', '!=', '>=', '<=', '>', '<')
    const field = fc.constantFrom(
      ...[
        'release = 43',
        'release > 42',
        'point != 3',
        'role = vte',
        'arch = amd64',
        'build < 202606',
      ],
      ...['distro = fedora', 'build = 20260601.2', 'build >= 06012026'],
    )
    const clause = fc.oneof(
      field,
      fc.tuple(op, value).map((parts) => parts.join(' ')),
    )
    fc.assert(
      fc.property(fc.array(clause, { maxLength: 4 }), (clauses) => {
        const text = ['fedora', ...clauses].join(',')
        const first = read(text)
        fc.pre(first !== undefined)
        const again = read(first.join(', '))
        expect(again).toEqual(first)
      }),
    )
  })

  test('is there for every reference of the vectors that can be read', () => {
    for (const { reference } of cases) {
      try {
        expect(parsed(reference).rule).toBeGreaterThan(0)
      } catch (error) {
        expect(error).toBeInstanceOf(Failure)
      }
    }
  })
})

/** The clauses of a constraint in their one spelling; undefined where it cannot be read. */
function read(text: string): readonly string[] | undefined {
  try {
    const reference = parseReference(text, words)
    return reference.kind === 'constraint' ? reference.clauses.flatMap(renderClause) : undefined
  } catch {
    return undefined
  }
}
