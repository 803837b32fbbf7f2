import type { RecipeFile, Script } from '../../lib/recipes/recipe.ts'
import { inside } from './cage.ts'
import type { Blame } from './fault.ts'
import type { Command, Environment, Places, Step } from './plan.ts'

/** A file to put into a tree. */
export interface Putting extends RecipeFile {
  readonly title: string
  readonly blame: Blame
}

// The shell runs in the tree, so that a link in it leads nowhere else.
const put = 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'

/** Puts a file into the tree, with the links of the tree followed in the tree. */
export function putInto(places: Places, { path, content, mode, title, blame }: Putting): Step[] {
  const input = `${places.inputs}/file`
  return [
    { kind: 'write', path: input, content, mode: '0600' },
    {
      kind: 'run',
      title,
      argv: inside(places.root, ['sh', '-e', '-c', put, 'sh', path, mode]),
      input,
      blame,
    },
  ]
}

/** The recipe's files, in the tree. */
export function putFiles(files: readonly RecipeFile[], places: Places): Step[] {
  return files.flatMap((file) =>
    putInto(places, { ...file, title: `writing ${file.path}`, blame: 'SCRIPT' }),
  )
}

const noServices = '#!/bin/sh\nexit 101\n'
export const policy = '/usr/sbin/policy-rc.d'

/** The recipe's scripts, run in the tree with the network of the machine; packages that they install start no services. */
export function runScripts(
  scripts: readonly Script[],
  places: Places,
  resolvers: string,
  environment: Environment,
): Step[] {
  if (scripts.length === 0) return []
  const own = { blame: 'BUILDER', title: 'preparing scripts' } as const
  const prepare = [
    ...putInto(places, { ...own, path: policy, content: noServices, mode: '0755' }),
    ...lendResolvers(places, resolvers),
  ]
  return [...prepare, ...scripts.flatMap((script) => runScript(script, places, environment))]
}

/**
 * What a script needs to find a mirror by its name. What the image has itself, a link mostly, comes back after that, unless a
 * script made a link of its own.
 */
const lend =
  'if [ -e /etc/resolv.conf ] || [ -L /etc/resolv.conf ]; then mv /etc/resolv.conf /etc/.resolv.conf.image; fi; cat >/etc/resolv.conf'
const giveBack =
  'cd /etc; if [ -L resolv.conf ]; then rm -f .resolv.conf.image; else rm -f resolv.conf; fi; ' +
  'if [ -e .resolv.conf.image ] || [ -L .resolv.conf.image ]; then mv .resolv.conf.image resolv.conf; fi'

function lendResolvers(places: Places, resolvers: string): Step[] {
  const input = `${places.inputs}/resolv.conf`
  return [
    { kind: 'write', path: input, content: resolvers, mode: '0600' },
    {
      kind: 'run',
      title: 'lending resolv.conf',
      argv: inside(places.root, ['sh', '-e', '-c', lend]),
      input,
      blame: 'BUILDER',
    },
  ]
}

/** Undoes what was prepared for scripts. */
export function afterScripts(scripts: readonly Script[], places: Places): Step[] {
  if (scripts.length === 0) return []
  const undo = `rm -f ${policy}; ${giveBack}`
  return [
    {
      kind: 'run',
      title: 'tidying after scripts',
      argv: inside(places.root, ['sh', '-e', '-c', undo]),
      blame: 'BUILDER',
    },
  ]
}

function runScript({ name, run }: Script, places: Places, environment: Environment): Step[] {
  const input = `${places.inputs}/script`
  const command: Command = {
    kind: 'run',
    title: `script "${name}"`,
    argv: inside(places.root, ['sh', '-e', '-s']),
    environment,
    input,
    blame: 'SCRIPT',
  }
  return [{ kind: 'write', path: input, content: `${run}\n`, mode: '0600' }, command]
}
