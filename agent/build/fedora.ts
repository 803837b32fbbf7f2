import type { FedoraBuild, Recipe } from '../../lib/recipes/recipe.ts'
import { besideSystem } from './cage.ts'
import type { Places, Step } from './plan.ts'

export type FedoraRecipe = Recipe & FedoraBuild

/** dnf says no to itself, which it takes for a failure; it got so far only where all was resolved. */
const resolving =
  'said=$1; shift; "$@" >"$said" 2>&1 || true; cat "$said"; grep -q "^Operation aborted" "$said"'

/** Says which packages would be installed, in some seconds; nothing is downloaded but what the repositories list. */
export function resolveFedora(recipe: FedoraRecipe, places: Places, cache: string): Step[] {
  const { temporary } = places
  const dnf = dnfIn(`${temporary}/resolved`, recipe, places, cache)
  return [
    ...configure(recipe, places),
    {
      kind: 'run',
      title: 'resolving the packages',
      argv: ['sh', '-c', resolving, 'sh', `${temporary}/transaction`, ...dnf('--assumeno')],
      environment: { HOME: homeIn(places) },
      blame: 'PACKAGES',
    },
  ]
}

/** Installs the packages into the tree, from the recipe's repositories and no others. */
export function installFedora(recipe: FedoraRecipe, places: Places, cache: string): Step[] {
  const dnf = dnfIn(places.root, recipe, places, cache)
  return [
    ...configure(recipe, places),
    {
      kind: 'run',
      title: 'installing the packages',
      argv: besideSystem(places.root, dnf('--assumeyes')),
      environment: { HOME: homeIn(places) },
      blame: 'PACKAGES',
    },
  ]
}

function dnfIn(root: string, recipe: FedoraRecipe, places: Places, cache: string) {
  const { packages, line } = recipe
  return (answer: '--assumeyes' | '--assumeno'): readonly string[] => [
    ...['dnf', `--installroot=${root}`, `--releasever=${line.release}`],
    `--setopt=reposdir=${repositoriesIn(places)}`,
    ...[`--setopt=cachedir=${cache}`, '--setopt=keepcache=True'],
    // Otherwise dnf believes for two days what it was once told.
    '--refresh',
    ...['--setopt=install_weak_deps=False', answer, 'install', ...packages],
  ]
}

function configure(recipe: FedoraRecipe, places: Places): Step[] {
  const mode = '0644'
  const macros = `%_dbpath ${databaseOf(recipe)}\n`
  return [
    {
      ...{ kind: 'write', path: `${repositoriesIn(places)}/recipe.repo`, mode },
      content: repositoryFile(recipe),
    },
    { kind: 'write', path: `${homeIn(places)}/.rpmmacros`, content: macros, mode },
  ]
}

function repositoriesIn({ inputs }: Places): string {
  return `${inputs}/repositories`
}

function homeIn({ inputs }: Places): string {
  return `${inputs}/home`
}

/** Where the distro's own rpm looks for what is installed; the builder's rpm would put it where its own distro does. */
function databaseOf({ line: { distro } }: FedoraRecipe): string {
  return distro === 'fedora' ? '/usr/lib/sysimage/rpm' : '/var/lib/rpm'
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
