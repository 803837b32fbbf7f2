import { expect, test } from '@jest/globals'
import { installFedora, repositoryFile, type FedoraRecipe } from '../../../agent/build/fedora.ts'
import { placesIn } from '../../../agent/build/plan.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { recipeText } from '../../support/recipes.ts'

// Fedora's mirrors and dnf are not everywhere to be had: what would run is asserted.

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

test('dnf installs from the repositories of the recipe, with the system around the tree', () => {
  const [file, install] = installFedora(fedora(), placesIn('/builds'), '/cache')
  expect(file).toMatchObject({ kind: 'write', path: '/builds/inputs/repositories/recipe.repo' })
  if (install?.kind !== 'run') throw new Error('nothing is installed')
  const dnf = install.argv.slice(install.argv.indexOf('dnf'))
  expect(dnf).toEqual([
    ...['dnf', '--installroot=/builds/root', '--releasever=43'],
    '--setopt=reposdir=/builds/inputs/repositories',
    ...['--setopt=cachedir=/cache', '--setopt=keepcache=True', '--setopt=install_weak_deps=False'],
    ...['--assumeyes', 'install', '@core', 'kernel'],
  ])
  expect(install.argv.slice(0, 3)).toEqual(['sh', '-e', '-c'])
  expect(install.blame).toBe('PACKAGES')
})

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
