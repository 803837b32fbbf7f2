import { describe, expect, test } from '@jest/globals'
import {
  installDebian,
  resolveDebian,
  sourcesOf,
  type DebianRecipe,
} from '../../../agent/build/debian.ts'
import { placesIn } from '../../../agent/build/plan.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { recipeText } from '../../support/recipes.ts'

const places = placesIn('/builds')
const own = ['http://near/debian', 'http://near/debian-security']

function debian(fields: Readonly<Record<string, string>> = {}): DebianRecipe {
  const recipe = parseRecipe(recipeText(fields))
  if (recipe.builder !== 'mmdebstrap') throw new Error('not for mmdebstrap')
  return recipe
}

describe('sources', () => {
  test("of Debian are the machine's own mirrors, security updates from theirs", () => {
    expect(sourcesOf(debian({ suites: '[trixie, trixie-updates, trixie-security]' }), own)).toEqual(
      [
        'deb http://near/debian trixie main',
        'deb http://near/debian trixie-updates main',
        'deb http://near/debian-security trixie-security main',
      ],
    )
  })

  test('of Debian are left to mmdebstrap on a machine that has none', () => {
    expect(sourcesOf(debian(), [])).toEqual([])
  })

  test('of Ubuntu are in one place, its security updates too', () => {
    const fields = {
      line: 'ubuntu-2404-std-x86',
      suites: '[noble, noble-security]',
      components: '[main, universe]',
    }
    expect(sourcesOf(debian(fields), own)).toEqual([
      'deb http://archive.ubuntu.com/ubuntu noble main universe',
      'deb http://archive.ubuntu.com/ubuntu noble-security main universe',
    ])
  })

  test('of Ubuntu for arm are at its ports', () => {
    const fields = { line: 'ubuntu-2404-std-aarch64', suites: '[noble]' }
    expect(sourcesOf(debian(fields), own)).toEqual([
      'deb http://ports.ubuntu.com/ubuntu-ports noble main',
    ])
  })

  test('of Kali are at Kali', () => {
    const fields = { line: 'kali-2026-std-x86', suites: '[kali-rolling]' }
    expect(sourcesOf(debian(fields), own)).toEqual([
      'deb http://http.kali.org/kali kali-rolling main',
    ])
  })

  test("are the recipe's mirrors if it has some, each for each suite that it may have", () => {
    const fields = {
      suites: '[trixie, trixie-security]',
      mirrors: '[http://a/debian, http://b/debian, http://a/debian-security]',
    }
    expect(sourcesOf(debian(fields), own)).toEqual([
      'deb http://a/debian trixie main',
      'deb http://b/debian trixie main',
      'deb http://a/debian-security trixie-security main',
    ])
  })
})

test('packages are resolved without a download', () => {
  expect(resolveDebian(debian({ packages: '[nano, vim]' }), places, own).argv).toEqual([
    ...['mmdebstrap', '--mode=root', '--variant=minbase'],
    ...[
      '--simulate',
      '--verbose',
      '--format=directory',
      '--include=?essential',
      '--include=nano,vim',
    ],
    ...['trixie', '/builds/tmp/simulated', 'deb http://near/debian trixie main'],
  ])
})

test('what Ubuntu would run is asserted here, for its mirrors are not everywhere to be had', () => {
  const fields = {
    line: 'ubuntu-2404-std-x86',
    suites: '[noble, noble-updates]',
    packages: '[linux-image-virtual]',
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
  }
  const { argv, blame } = installDebian(debian(fields), places, "/the cache's", own)
  expect(argv.filter((word) => !word.includes('-hook='))).toEqual([
    ...['mmdebstrap', '--mode=root', '--variant=minbase', '--format=directory'],
    ...['--skip=cleanup/apt,download/empty,essential/unlink', '--dpkgopt=force-unsafe-io'],
    '--include=linux-image-virtual',
    '--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg',
    ...['noble', '/builds/root'],
    'deb http://archive.ubuntu.com/ubuntu noble main',
    'deb http://archive.ubuntu.com/ubuntu noble-updates main',
  ])
  expect(argv.filter((word) => word.includes('archives'))).toHaveLength(3)
  expect(argv.join(' ')).toContain(`'/the cache'\\''s'`)
  expect(blame).toBe('PACKAGES')
})
