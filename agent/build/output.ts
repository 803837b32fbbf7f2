import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PackageVersion } from '../../lib/recipes/inputs.ts'
import type { CommandBuild, Recipe } from '../../lib/recipes/recipe.ts'
import { parsePackages } from '../../lib/images/packages.ts'
import type { Bench, Job } from './bench.ts'
import type { Checked } from './checks.ts'
import { Fault } from './fault.ts'
import { environmentOf, type Tree } from './filling.ts'
import type { Places, Step } from './plan.ts'

export interface LeftDisk extends Omit<
  Checked,
  'packages' | 'isFilesystem' | 'contents' | 'hygiene'
> {
  readonly kind: 'disk'
  readonly packages: readonly PackageVersion[]
}

/** The root file system that a command may leave, and what that is. The first one that is there counts. */
const shapes = [
  { name: 'rootfs.raw', shape: 'raw' },
  { name: 'rootfs', shape: 'raw' },
  { name: 'rootfs.qcow2', shape: 'qcow2' },
  { name: 'rootfs.tar', shape: 'tar' },
] as const

const needsRoot =
  'Only root can unpack rootfs.tar: run the agent as root, or have the command leave rootfs.raw.'

type Shape = (typeof shapes)[number]

/** Runs a recipe's own command in a folder, and takes what it leaves there. */
export async function runCommand(
  job: Job & { readonly recipe: Recipe & CommandBuild },
  bench: Bench,
): Promise<LeftDisk | Tree> {
  const { places } = bench
  await bench.carryOut(planCommand(job, places))
  const { output } = places
  const found = await foundIn(output)
  const packages = await packagesIn(output)
  if (found.shape === 'tar') {
    if (!bench.machine.isRoot) throw new Fault('BUILDER', needsRoot)
    await bench.carryOut([unpack(places, join(output, found.name))])
    return { kind: 'tree', packages }
  }
  const rootfs = join(output, found.name)
  const [kernel, initramfs] = [await fileIn(output, 'kernel'), await fileIn(output, 'initramfs')]
  if (found.shape === 'raw') await demandFits(rootfs, job.recipe.sizeBytes)
  return { kind: 'disk', rootfs, format: found.shape, kernel, initramfs, packages }
}

/** A command's files lie in its folder, under their own paths. */
export function planCommand(
  job: Job & { readonly recipe: Recipe & CommandBuild },
  places: Places,
): readonly Step[] {
  const { recipe } = job
  const input = `${places.inputs}/command`
  return [
    ...recipe.files.map(({ path, content, mode }): Step => {
      return { kind: 'write', path: join(places.output, path), content, mode }
    }),
    { kind: 'write', path: input, content: `${recipe.command}\n`, mode: '0600' },
    {
      kind: 'run',
      title: 'the command of the recipe',
      argv: ['sh', '-e', '-c', 'cd "$1"; . "$2"', 'sh', places.output, input],
      environment: environmentOf(job),
      blame: 'SCRIPT',
    },
  ]
}

/** Nothing in the archive gets out of the folder: tar is rooted in it. */
function unpack(places: Places, archive: string): Step {
  const unpacking =
    'mkdir -p "$1"; tar --extract --numeric-owner --same-owner --preserve-permissions --xattrs --directory "$1"'
  return {
    kind: 'run',
    title: 'unpacking the archive',
    argv: ['sh', '-e', '-c', unpacking, 'sh', places.root],
    input: archive,
    blame: 'OUTPUT',
  }
}

async function foundIn(output: string): Promise<Shape> {
  for (const shape of shapes) {
    if ((await fileIn(output, shape.name)) !== undefined) return shape
  }
  const names = shapes.map(({ name }) => name).join(', ')
  throw new Fault('OUTPUT', `The command left no root file system: it is to leave one of ${names}.`)
}

/** Only what is a file itself: a link could name any file of the builder. */
async function fileIn(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name)
  const stat = await lstat(path).catch(() => undefined)
  return stat?.isFile() === true ? path : undefined
}

const mostListBytes = 16 * 1024 ** 2

async function packagesIn(output: string): Promise<readonly PackageVersion[]> {
  const path = await fileIn(output, 'packages')
  if (path === undefined) return []
  if ((await lstat(path)).size > mostListBytes) {
    throw new Fault('OUTPUT', 'The list of packages that the command left has more than 16 MiB.')
  }
  try {
    return parsePackages('packages', await readFile(path, 'utf8'))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault('OUTPUT', `The list of packages that the command left is wrong: ${why}`, error)
  }
}

async function demandFits(path: string, mostBytes: number): Promise<void> {
  const { size } = await lstat(path)
  if (size <= mostBytes) return
  throw new Fault(
    'OUTPUT',
    `The root file system has ${size} bytes, and the recipe says ${mostBytes} at most: give it a larger \`size\`.`,
  )
}
