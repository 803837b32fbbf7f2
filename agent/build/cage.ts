import { readFileSync } from 'node:fs'

/**
 * A command in namespaces of its own. Its processes see no others and its mounts are nobody else's, and all of them end with
 * it: when the agent dies the kernel ends `unshare`, when that dies the first process in the cage, and when that dies all the
 * others. The first one is a shell, because somebody has to bury the orphans.
 */
export function caged(argv: readonly string[], isRoot: boolean): readonly string[] {
  const user = isRoot ? [] : ['--user', '--map-root-user']
  return [
    ...['setpriv', '--pdeathsig', 'KILL', '--'],
    ...[
      'unshare',
      ...user,
      '--pid',
      '--fork',
      '--kill-child',
      '--mount',
      '--mount-proc',
      '--ipc',
      '--uts',
      '--',
    ],
    ...['sh', '-c', '"$@" 2>&1; exit $?', 'sh', ...argv],
  ]
}

const enter = `
root=$1; shift
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" || true
mount -t tmpfs -o mode=0755,size=256m tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/shm" "$root/dev/pts"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=0755,size=256m tmpfs "$root/run"
`

/** A caged command with a tree's system around it: /proc, /sys, /dev and /run, which the tree never holds itself. */
export function besideSystem(root: string, argv: readonly string[]): readonly string[] {
  return ['sh', '-e', '-c', `${enter}exec "$@"`, 'sh', root, ...argv]
}

/** A caged command in a tree. */
export function inside(root: string, argv: readonly string[]): readonly string[] {
  return besideSystem(root, ['chroot', root, ...argv])
}

/**
 * Ends everything in a cage. The first process in it goes first: `unshare` waits for that, and the kernel lets it end only
 * when all the others have.
 */
export function endCage(unshare: number): void {
  const inCage = childrenOf(unshare)
  for (const pid of inCage.length > 0 ? inCage : [unshare]) kill(pid)
}

/** The children that a process's first thread has; none of one that is gone. */
export function childrenOf(parent: number): number[] {
  try {
    const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
    return children.split(' ').flatMap((pid) => (/^\d+$/.test(pid) ? [Number(pid)] : []))
  } catch {
    return []
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}
