import { expect, test } from '@jest/globals'
import {
  installFedora,
  repositoryFile,
  resolveFedora,
  type FedoraRecipe,
} from '../../../agent/build/fedora.ts'
import { placesIn } from '../../../agent/build/plan.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { recipeText } from '../../support/recipes.ts'

// Fedora's mirrors are not everywhere to be had: what would run is asserted. dnf.test.ts runs it, on packages made there.

function fedora(fields: Readonly<Record<string, string>> = {}): FedoraRecipe {
  const usual = {
    line: 'fedora-43-std-x86',
    builder: 'dnf',
    suites: undefined,
    packages: '["@core", kernel]',
    repositories: '[{ name: fedora, url: "https://mirror.test/43/os" }]',
  }
  const recipe = parseRecipe(recipeText({ ...usual, ...fields }))
  if (recipe.builder !== 'dnf') throw new Error('not for dnf')
  return recipe
}

const asked = [
  ...['--releasever=43', '--setopt=reposdir=/builds/inputs/repositories'],
  ...['--setopt=cachedir=/cache', '--setopt=keepcache=True', '--refresh'],
  '--setopt=install_weak_deps=False',
]
const wanted = ['install', '@core', 'kernel']

test('dnf installs from the repositories of the recipe, with the system around the tree', () => {
  const [file, macros, install] = installFedora(fedora(), placesIn('/builds'), '/cache')
  expect(file).toMatchObject({ kind: 'write', path: '/builds/inputs/repositories/recipe.repo' })
  expect(macros).toMatchObject({ kind: 'write', path: '/builds/inputs/home/.rpmmacros' })
  if (install?.kind !== 'run') throw new Error('nothing is installed')
  const dnf = install.argv.slice(install.argv.indexOf('dnf'))
  expect(dnf).toEqual(['dnf', '--installroot=/builds/root', ...asked, '--assumeyes', ...wanted])
  expect(install.argv.slice(0, 3)).toEqual(['sh', '-e', '-c'])
  expect(install.environment).toEqual({ HOME: '/builds/inputs/home' })
  expect(install.blame).toBe('PACKAGES')
})

test('the same is resolved into a root that is empty, and nothing is installed', () => {
  const resolve = resolveFedora(fedora(), placesIn('/builds'), '/cache').at(-1)
  if (resolve?.kind !== 'run') throw new Error('nothing is resolved')
  const dnf = resolve.argv.slice(resolve.argv.indexOf('dnf'))
  const root = '--installroot=/builds/tmp/resolved'
  expect(dnf).toEqual(['dnf', root, ...asked, '--assumeno', ...wanted])
  expect(resolve.blame).toBe('PACKAGES')
})

test.each([
  ['fedora-43-std-x86', '%_dbpath /usr/lib/sysimage/rpm\n'],
  ['rocky-9-std-x86', '%_dbpath /var/lib/rpm\n'],
])(
  "%s finds what is installed where its own rpm looks, whatever the builder's does",
  (line, content) => {
    expect(installFedora(fedora({ line }), placesIn('/builds'), '/cache')[1]).toMatchObject({
      content,
    })
  },
)

test('a package that nobody vouches for is refused', () => {
  expect(repositoryFile(fedora())).toBe(
    [
      '[fedora]',
      'name=fedora',
      'baseurl=https://mirror.test/43/os',
      'enabled=1',
      'gpgcheck=1',
      'gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-43-primary',
      '',
    ].join('\n'),
  )
})

test.each([
  ['rocky-9-std-x86', '/etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9'],
  ['alma-9-std-x86', '/etc/pki/rpm-gpg/RPM-GPG-KEY-AlmaLinux-9'],
])('%s has a key of its own', (line, key) => {
  expect(repositoryFile(fedora({ line }))).toContain(`gpgkey=file://${key}\n`)
})

test("a recipe's own keyring is the one that counts", () => {
  expect(repositoryFile(fedora({ keyring: '/keys/ours.asc' }))).toContain(
    'gpgkey=file:///keys/ours.asc\n',
  )
})
