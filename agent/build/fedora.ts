import type { FedoraBuild, Recipe } from '../../lib/recipes/recipe.ts'
import { besideSystem } from './cage.ts'
import type { Places, Step } from './plan.ts'

export type FedoraRecipe = Recipe & FedoraBuild

/** Installs the packages into the tree, from the recipe's repositories and no others. */
export function installFedora(recipe: FedoraRecipe, places: Places, cache: string): Step[] {
  const { packages, line } = recipe
  const repositories = `${places.inputs}/repositories`
  const options = [
    `--installroot=${places.root}`,
    `--releasever=${line.release}`,
    `--setopt=reposdir=${repositories}`,
    `--setopt=cachedir=${cache}`,
    '--setopt=keepcache=True',
    '--setopt=install_weak_deps=False',
    '--assumeyes',
  ]
  return [
    {
      kind: 'write',
      path: `${repositories}/recipe.repo`,
      content: repositoryFile(recipe),
      mode: '0644',
    },
    {
      kind: 'run',
      title: 'installing the packages',
      argv: besideSystem(places.root, ['dnf', ...options, 'install', ...packages]),
      blame: 'PACKAGES',
    },
  ]
}

/** The recipe's repositories, as dnf has them. Packages that nobody vouches for are refused. */
export function repositoryFile(recipe: FedoraRecipe): string {
  const key = recipe.keyring ?? usualKeyring(recipe)
  return recipe.repositories
    .map(({ name, url }) =>
      [
        `[${name}]`,
        `name=${name}`,
        `baseurl=${url}`,
        'enabled=1',
        'gpgcheck=1',
        `gpgkey=file://${key}`,
      ]
        .map((line) => `${line}\n`)
        .join(''),
    )
    .join('\n')
}

/** Where a distro's own release package puts its key. */
function usualKeyring({ line: { distro, release } }: FedoraRecipe): string {
  const folder = '/etc/pki/rpm-gpg'
  const [major = release] = release.split('.')
  if (distro === 'rocky') return `${folder}/RPM-GPG-KEY-Rocky-${major}`
  if (distro === 'alma' || distro === 'almalinux') return `${folder}/RPM-GPG-KEY-AlmaLinux-${major}`
  return `${folder}/RPM-GPG-KEY-${distro}-${release}-primary`
}
