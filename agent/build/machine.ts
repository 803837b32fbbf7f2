import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { promisify } from 'node:util'
import { invalid } from '../../lib/failure.ts'
import { archOf, type Arch } from '../../lib/names/catalogue.ts'
import type { BuilderName } from '../../lib/recipes/recipe.ts'
import { ownMirrors } from './mirrors.ts'
import type { Environment } from './plan.ts'
import { toolPath } from './toolpath.ts'

/** What the builders need to know of the machine that they run on. */
export interface Machine {
  readonly arch: Arch
  readonly isRoot: boolean
  /** Whether mke2fs can make a file system of a tar, and then the same one every time. */
  readonly readsTar: boolean
  /** Whether guests can run on the processor itself; undefined until it was tried, for a machine that is a guest may only look so. */
  readonly kvm: { isUsable: boolean | undefined }
  /** Firmware that starts disks by EFI, where it is installed. */
  readonly efi: string | undefined
  /** Whether there is something that boots images. */
  readonly hasEmulator: boolean
  /** Mirrors of Debian that it installs from itself. */
  readonly mirrors: readonly string[]
  /** What the environment says of proxies, for whoever fetches packages. */
  readonly proxies: Environment
}

/** What the process says of the machine that it runs on. */
export interface Surroundings {
  /** As Node has it: `x64`. */
  readonly arch: string
  readonly isRoot: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Looks at the machine, and refuses builders whose tools are not there. */
export async function lookAtMachine(
  builders: readonly BuilderName[],
  { arch: word, isRoot, environment }: Surroundings,
): Promise<Machine> {
  const arch = archOf(word === 'x64' ? 'x86_64' : word)
  if (arch === undefined) throw unfit(`images cannot be built on a machine of ${word}`)
  await demandTools(builders)
  if (!isRoot && builders.some((builder) => builder !== 'command')) {
    throw unfit('only root can run mmdebstrap and dnf: run the agent as root, or --build command')
  }
  return {
    arch,
    isRoot,
    readsTar: readsTar(await said('mke2fs', ['-V'])),
    kvm: { isUsable: (await mayUse('/dev/kvm')) ? undefined : false },
    efi: await efiOf(arch),
    hasEmulator: (await said(emulatorOf(arch), ['--version'])) !== '',
    mirrors: await ownMirrors(),
    proxies: proxiesOf(environment),
  }
}

const tools: Readonly<Record<BuilderName | 'any', Readonly<Record<string, string>>>> = {
  any: { unshare: 'util-linux', setpriv: 'util-linux', mke2fs: 'e2fsprogs', du: 'coreutils' },
  mmdebstrap: { mmdebstrap: 'mmdebstrap' },
  dnf: { dnf: 'dnf', rpm: 'rpm' },
  command: {},
}

async function demandTools(builders: readonly BuilderName[]): Promise<void> {
  const needed = (['any', ...builders] as const).flatMap((one) => Object.entries(tools[one]))
  const absent: string[] = []
  for (const [tool, home] of needed) {
    if (!(await isTool(tool))) absent.push(`${tool} (package ${home})`)
  }
  if (absent.length > 0) throw unfit(`these are not installed: ${absent.join(', ')}`)
}

function unfit(why: string) {
  return invalid('INVALID_FIELD', `--build cannot be done here: ${why}.`, { field: 'build' })
}

async function isTool(name: string): Promise<boolean> {
  const found = await Promise.all(
    toolPath.split(':').map((folder) => mayRead(`${folder}/${name}`, constants.X_OK)),
  )
  return found.includes(true)
}

async function mayUse(path: string): Promise<boolean> {
  return mayRead(path, constants.R_OK | constants.W_OK)
}

async function mayRead(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}

const execute = promisify(execFile)

/** What a tool says of itself; nothing if it is not there. */
async function said(tool: string, args: readonly string[]): Promise<string> {
  const env = { PATH: toolPath, LC_ALL: 'C' }
  return execute(tool, args, { env }).then(
    ({ stdout, stderr }) => stdout + stderr,
    () => '',
  )
}

/** A version that takes a tar, and clamps times, is 1.47.1 or newer. */
export function readsTar(version: string): boolean {
  const [, major = 0, minor = 0, patch = 0] = (/(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).map(
    Number,
  )
  return major > 1 || (major === 1 && (minor > 47 || (minor === 47 && patch >= 1)))
}

const emulators: Readonly<Record<Arch, string>> = {
  x86: 'qemu-system-x86_64',
  aarch64: 'qemu-system-aarch64',
  riscv64: 'qemu-system-riscv64',
}

export function emulatorOf(arch: Arch): string {
  return emulators[arch]
}

const efis: Readonly<Partial<Record<Arch, { readonly home: string; readonly path: string }>>> = {
  x86: { home: 'ovmf', path: '/usr/share/ovmf/OVMF.fd' },
  aarch64: { home: 'qemu-efi-aarch64', path: '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd' },
}

/** The package of Debian that has it. */
export function efiPackageOf(arch: Arch): string | undefined {
  return efis[arch]?.home
}

async function efiOf(arch: Arch): Promise<string | undefined> {
  const path = efis[arch]?.path
  return path !== undefined && (await mayRead(path, constants.R_OK)) ? path : undefined
}

const proxyNames = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy']

export function proxiesOf(environment: Readonly<Record<string, string | undefined>>): Environment {
  const given = proxyNames.flatMap((name) => {
    const value = environment[name] ?? environment[name.toUpperCase()]
    return value === undefined || value === '' ? [] : [[name, value] as const]
  })
  return Object.fromEntries(given)
}
