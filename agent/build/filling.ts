import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../../lib/content/digest.ts'
import { renderLine } from '../../lib/names/name.ts'
import type { PackageVersion } from '../../lib/recipes/inputs.ts'
import type { CommandBuild, Recipe } from '../../lib/recipes/recipe.ts'
import type { Bench, Job } from './bench.ts'
import { clean, listTree } from './cleaning.ts'
import { installDebian } from './debian.ts'
import { Fault } from './fault.ts'
import { installFedora } from './fedora.ts'
import { makeFilesystem } from './filesystem.ts'
import { gathered } from './gathering.ts'
import { reportOf, uncleanIn } from './hygiene.ts'
import { epochOf, identityPath, packagesPath, renderIdentity, renderPackages } from './identity.ts'
import { newestKernel } from './kernel.ts'
import type { Disk } from './making.ts'
import { listPackages, nativeWords, parseInstalled } from './packages.ts'
import type { Step } from './plan.ts'
import { afterScripts, putFiles, putInto, runScripts } from './tree.ts'

/** A tree that becomes a root file system, and the packages in it. */
export interface Tree {
  readonly kind: 'tree'
  readonly packages: readonly PackageVersion[]
}

type TreeRecipe = Exclude<Recipe, CommandBuild>

/** Fills the tree as the recipe says: packages, files, scripts. */
export async function fillTree(
  job: Job & { readonly recipe: TreeRecipe },
  bench: Bench,
): Promise<Tree> {
  const { recipe } = job
  const { places, carryOut } = bench
  await carryOut([
    ...install(recipe, bench),
    ...nameTree(recipe, bench),
    ...putFiles(recipe.files, places),
  ])
  const resolvers = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  await carryOut(runScripts(recipe.scripts, places, resolvers, environmentOf(job)))
  await carryOut(afterScripts(recipe.scripts, places))
  const output = gathered()
  await carryOut([listPackages(recipe.builder, places.root)], output.listen)
  return { kind: 'tree', packages: parseInstalled(output.text(), nativeWords(recipe.line.arch)) }
}

function install(recipe: TreeRecipe, { places, cache, machine }: Bench): readonly Step[] {
  switch (recipe.builder) {
    case 'mmdebstrap':
      return [installDebian(recipe, places, cache, machine.mirrors)]
    case 'dnf':
      return installFedora(recipe, places, cache)
  }
}

/** What is installed into a folder takes its name from the builder, which has no place in an image. */
function nameTree({ line: { distro } }: Recipe, { places }: Bench): readonly Step[] {
  const own = {
    path: '/etc/hostname',
    mode: '0644',
    title: 'naming the system',
    blame: 'BUILDER',
  } as const
  return putInto(places, { ...own, content: `${distro}\n` })
}

/** What scripts and commands are told of the build that they are part of. */
export function environmentOf({ image, recipe, build }: Job): Readonly<Record<string, string>> {
  const { line, sizeBytes, boot } = recipe
  return {
    MERGE_IMAGE: image,
    MERGE_IMAGE_BUILD: build,
    MERGE_IMAGE_ARCH: line.arch,
    MERGE_IMAGE_BOOT: boot.join(' '),
    MERGE_IMAGE_SIZE: String(sizeBytes),
  }
}

/** Says in the tree who it is, cleans it, and makes a disk of it. */
export async function finishTree(
  job: Job,
  { packages }: Omit<Tree, 'kind'>,
  inputs: Digest | undefined,
  bench: Bench,
): Promise<Disk> {
  const { places, carryOut, journal, machine, tell, now } = bench
  await carryOut(identify(job, packages, inputs, bench))
  tell({ step: 'cleaning up' })
  for (const line of reportOf(await clean(places.root))) journal.say(`hygiene: ${line}`)
  const unclean = uncleanIn(await listTree(places.root))
  const { sizeBytes, line } = job.recipe
  const epoch = epochOf(job.image, now())
  const wish = { sizeBytes, seed: renderLine(line), epoch, readsTar: machine.readsTar }
  await carryOut([makeFilesystem(places, wish)]).catch((error: unknown) => {
    throw tooSmall(error, sizeBytes)
  })
  const { kernel, initramfs } = await bootFiles(places.root)
  const { rootfs } = places
  const root = { path: rootfs, offset: 0, name: 'the root file system' }
  return {
    ...{ rootfs, format: 'raw', isFilesystem: true, kernel, initramfs, packages, inputs },
    ...{ contents: { filesystems: [root], unread: [] }, hygiene: { unclean, unread: [] } },
  }
}

function identify(
  job: Job,
  packages: readonly PackageVersion[],
  inputs: Digest | undefined,
  bench: Bench,
): readonly Step[] {
  const own = { mode: '0644', blame: 'BUILDER' } as const
  const { places } = bench
  return [
    ...putInto(places, {
      ...{ ...own, path: identityPath, title: 'writing who it is' },
      content: identityOf(job, inputs, packagesPath, bench),
    }),
    ...putInto(places, {
      ...{ ...own, path: packagesPath, title: 'writing what is in it' },
      content: renderPackages(packages),
    }),
  ]
}

/** What /etc/merge-image says; `packages` is where the image lists them, if it does. */
export function identityOf(
  job: Job,
  inputs: Digest | undefined,
  packages: string,
  { journal, builder, now }: Pick<Bench, 'journal' | 'builder' | 'now'>,
): string {
  const { image, recipeName, recipeVersion, recipeDigest, build, parent, startTime } = job
  return renderIdentity({
    ...{
      image,
      recipe: recipeName,
      recipeVersion,
      recipeDigest,
      build,
      builder,
      inputs,
      startTime,
    },
    ...{ treeTime: now(), log: journal.digest(), parent: parent?.name ?? '', packages },
  })
}

interface Found {
  readonly kernel: string | undefined
  readonly initramfs: string | undefined
}

/** Links are not followed: one of a tree's can lead anywhere. */
async function bootFiles(root: string): Promise<Found> {
  const folder = join(root, 'boot')
  const stat = await lstat(folder).catch(() => undefined)
  if (stat?.isDirectory() !== true) return { kernel: undefined, initramfs: undefined }
  const entries = await readdir(folder, { withFileTypes: true })
  const newest = newestKernel(entries.filter((one) => one.isFile()).map(({ name }) => name))
  const pathOf = (name: string | undefined) => (name === undefined ? undefined : join(folder, name))
  return { kernel: pathOf(newest?.kernel), initramfs: pathOf(newest?.initramfs) }
}

/** What mke2fs says of a tree that is larger than the file system, in words that help. */
export function tooSmall(error: unknown, sizeBytes: number): unknown {
  if (
    !(error instanceof Fault) ||
    !/allocate block|No space|Not enough|too (?:big|small)/i.test(error.message)
  ) {
    return error
  }
  const message = `What is in the image does not fit into its size, ${sizeBytes} bytes: give the recipe a larger \`size\`.`
  return new Fault('OUTPUT', `${message}\n${error.message}`, error)
}
