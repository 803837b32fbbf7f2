import type { DebianBuild, Recipe } from '../../lib/recipes/recipe.ts'
import type { Command, Places } from './plan.ts'

export type DebianRecipe = Recipe & DebianBuild

/**
 * Says which packages would be installed, in some seconds; `own` are the mirrors of Debian that the machine uses. What is essential is
 * asked for by name: it is installed first, but in a simulation nothing is, and apt would take other packages for the same purpose.
 */
export function resolveDebian(
  recipe: DebianRecipe,
  places: Places,
  own: readonly string[],
): Command {
  return {
    kind: 'run',
    title: 'resolving the packages',
    argv: mmdebstrap(
      recipe,
      own,
      ['--simulate', '--verbose', '--format=directory', '--include=?essential'],
      `${places.temporary}/simulated`,
    ),
    blame: 'PACKAGES',
  }
}

/**
 * Installs the packages into the tree. Downloaded packages are taken from `cache` and kept there. The package lists stay for
 * the recipe's scripts; who cleans up after these takes them away.
 */
export function installDebian(
  recipe: DebianRecipe,
  places: Places,
  cache: string,
  own: readonly string[],
): Command {
  const options = [
    ...['--format=directory', '--skip=cleanup/apt,download/empty,essential/unlink'],
    // The tree is thrown away if anything goes wrong, so nothing has to be safe on the disk before it is an image.
    '--dpkgopt=force-unsafe-io',
    `--customize-hook=${lateInitramfs}`,
    ...cacheHooks(cache),
  ]
  return {
    kind: 'run',
    title: 'installing the packages',
    argv: mmdebstrap(recipe, own, options, places.root),
    environment: { INITRD: 'No' },
    blame: 'PACKAGES',
  }
}

/**
 * A kernel's hooks make an initramfs as it is set up, and initramfs-tools makes the same one again once everything is. `INITRD=No`
 * keeps them from the first (initramfs-tools and dracut heed it); where nobody made one later, they are asked again.
 */
const lateInitramfs = `chroot "$1" env -u INITRD DEB_MAINT_PARAMS=configure sh -e -c '
for kernel in /boot/vmlinu[xz]-*; do
  version=\${kernel#/boot/vmlinu?-}
  test -e "$kernel" && test ! -e "/boot/initrd.img-$version" && test -d /etc/kernel/postinst.d || continue
  run-parts --report --exit-on-error --arg="$version" --arg="$kernel" /etc/kernel/postinst.d
done'`

const archives = '"$1/var/cache/apt/archives/"'

/** Linked rather than copied where that can be done. What cannot be kept is downloaded again, which does no harm. */
function cacheHooks(cache: string): readonly string[] {
  const kept = `'${cache.replaceAll("'", "'\\''")}'`
  const move = (from: string, to: string): string =>
    `{ cp -ln ${from}*.deb ${to} || cp -n ${from}*.deb ${to}; } 2>/dev/null || true`
  return [
    `--setup-hook=mkdir -p ${archives}`,
    `--setup-hook=${move(`${kept}/`, archives)}`,
    `--customize-hook=${move(archives, `${kept}/`)}`,
  ]
}

function mmdebstrap(
  recipe: DebianRecipe,
  own: readonly string[],
  options: readonly string[],
  target: string,
): string[] {
  const { suites, packages, variant, keyring } = recipe
  const [suite = ''] = suites
  return [
    ...['mmdebstrap', '--mode=root', `--variant=${variant}`, ...options],
    ...(packages.length === 0 ? [] : [`--include=${packages.join(',')}`]),
    ...(keyring === undefined ? [] : [`--keyring=${keyring}`]),
    ...[suite, target, ...sourcesOf(recipe, own)],
  ]
}

/** Where packages come from, a line each as sources.list has them; none where mmdebstrap is to take the mirrors that it knows. */
export function sourcesOf(recipe: DebianRecipe, own: readonly string[]): string[] {
  const { suites, components, mirrors } = recipe
  const known = mirrors.length > 0 ? mirrors : usualMirrors(recipe, own)
  return suites.flatMap((suite) =>
    mirrorsFor(suite, known).map((mirror) => `deb ${mirror} ${suite} ${components.join(' ')}`),
  )
}

/** Security updates have mirrors of their own, which have nothing else; a distro that has none has all in one place. */
function mirrorsFor(suite: string, mirrors: readonly string[]): readonly string[] {
  const wanted = isOfSecurity(suite)
  const fitting = mirrors.filter((mirror) => isOfSecurity(mirror) === wanted)
  return fitting.length > 0 ? fitting : mirrors
}

function isOfSecurity(text: string): boolean {
  return /[-/.]security\b/.test(text)
}

function usualMirrors(
  { line: { distro, arch } }: DebianRecipe,
  own: readonly string[],
): readonly string[] {
  if (distro === 'kali') return ['http://http.kali.org/kali']
  if (distro === 'ubuntu') {
    return [
      arch === 'x86' ? 'http://archive.ubuntu.com/ubuntu' : 'http://ports.ubuntu.com/ubuntu-ports',
    ]
  }
  return own
}
