import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { installFedora, resolveFedora, type FedoraRecipe } from '../../../agent/build/fedora.ts'
import { gathered } from '../../../agent/build/gathering.ts'
import {
  listPackages,
  nativeWords,
  parseInstalled,
  parseTransaction,
} from '../../../agent/build/packages.ts'
import type { Step } from '../../../agent/build/plan.ts'
import { toolPath } from '../../../agent/build/toolpath.ts'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { type FreshBench, freshBench } from '../../support/disks.ts'
import { recipeText } from '../../support/recipes.ts'
import { storyWith } from '../../support/tools.ts'

const native = nativeWords('x86')
const isRoot = process.getuid?.() === 0
const long = 'a-package-with-a-name-so-long-that-no-column-of-any-table-will-ever-hold-all-of-it'

const specs = [
  { name: long, version: '1.0~beta1+git20260615.0123456789abcdef', epoch: 0, requires: 'base' },
  { name: 'base', version: '2.0', epoch: 1, requires: '' },
  { name: 'other', version: '3.0', epoch: 0, requires: '' },
]

/** As the builder: only root can install into a folder. */
const story = isRoot ? storyWith('dnf', ['dnf', 'rpmbuild', 'createrepo_c']) : describe.skip

story('dnf', () => {
  let bench: FreshBench
  let cache: string
  let repository: string

  beforeAll(async () => {
    bench = await freshBench()
    cache = join(bench.places.folder, 'cache')
    repository = join(bench.places.folder, 'repository')
    for (const spec of specs) await makePackage(spec)
    execFileSync('createrepo_c', ['-q', repository], { env: { PATH: toolPath } })
  })

  afterAll(async () => {
    await bench[Symbol.asyncDispose]()
  })

  async function makePackage({ name, version, epoch, requires }: (typeof specs)[number]) {
    const spec = join(bench.places.temporary, `${name}.spec`)
    const lines = [
      ...[`Name: ${name}`, `Version: ${version}`, 'Release: 1', `Epoch: ${epoch}`],
      ...['Summary: one', 'License: none', 'BuildArch: noarch'],
      ...(requires === '' ? [] : [`Requires: ${requires}`]),
      ...['%description', 'one', '%files', ''],
    ]
    await writeFile(spec, lines.join('\n'))
    const folders = [`_topdir ${bench.places.temporary}`, `_rpmdir ${repository}`]
    const defines = folders.flatMap((one) => ['--define', one])
    const options = { env: { PATH: toolPath }, stdio: 'pipe' } as const
    execFileSync('rpmbuild', ['-bb', '--quiet', ...defines, spec], options)
  }

  function recipeOf(packages: string): FedoraRecipe {
    const recipe = parseRecipe(
      recipeText({
        ...{ line: 'fedora-43-std-x86', builder: 'dnf', suites: undefined, packages },
        repositories: `[{ name: tiny, url: "file://${repository}" }]`,
      }),
    )
    if (recipe.builder !== 'dnf') throw new Error('not for dnf')
    return recipe
  }

  async function said(steps: readonly Step[]): Promise<string> {
    const output = gathered()
    await bench.carryOut(steps, output.listen)
    return output.text()
  }

  test('resolves to what it then installs', async () => {
    const recipe = recipeOf(`[${long}]`)
    const { places } = bench
    const resolved = parseTransaction(await said(resolveFedora(recipe, places, cache)), native)
    expect(resolved).toEqual([
      { name: long, version: '1.0~beta1+git20260615.0123456789abcdef-1' },
      { name: 'base', version: '1:2.0-1' },
    ])
    await mkdir(places.root)
    await said(installFedora(recipe, places, cache).map(trusting))
    expect(await installed()).toEqual(resolved)
  })

  test('says why it cannot resolve', async () => {
    const asking = said(resolveFedora(recipeOf('[nowhere]'), bench.places, cache))
    const fault: unknown = await asking.catch((error: unknown) => error)
    expect(fault).toMatchObject({ blame: 'PACKAGES' })
    expect(String(fault)).toContain('nowhere')
  })

  /** Nobody vouches for the packages of this test. */
  function trusting(step: Step): Step {
    if (step.kind === 'write') return step
    return { ...step, argv: [...step.argv, '--nogpgcheck'] }
  }

  /** As rpm lists it in a tree that has one itself. */
  async function installed() {
    const { argv } = listPackages('dnf', bench.places.root)
    const [, ...query] = argv.slice(argv.indexOf('rpm'))
    const where = [`--root=${bench.places.root}`, '--dbpath=/usr/lib/sysimage/rpm']
    const command = { kind: 'run', title: 'listing', blame: 'OUTPUT' } as const
    return parseInstalled(await said([{ ...command, argv: ['rpm', ...where, ...query] }]), native)
  }
})
