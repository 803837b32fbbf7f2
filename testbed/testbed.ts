import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { joinPortal } from '../lib/identity/joining.ts'
import { identityFolder } from '../lib/identity/kept.ts'
import { ask, startProgram, type Environment, type Program } from './program.ts'

/** A portal and facilities on this machine, each a process with a folder of its own; facilities joined as their managers do it. */
export interface Testbed extends AsyncDisposable {
  readonly folder: string
  /** `host:port`. */
  readonly portalAddress: string
  readonly portal: Program
  readonly facilities: ReadonlyMap<string, FacilityProgram>
  /** The environment of commands: where the portal is, and the token of its first admin. */
  readonly admin: Environment
  restartPortal(): Promise<void>
  /** Starts the facility's agent, again if it was stopped; maybe through another program, and with more flags. */
  startFacility(
    name: string,
    through?: readonly string[],
    more?: readonly string[],
  ): Promise<FacilityProgram>
  mrg<Answer>(...args: string[]): Promise<Answer>
  mrs<Answer>(facility: string, ...args: string[]): Promise<Answer>
}

export interface FacilityProgram extends Program {
  readonly socket: string
}

export interface TestbedOptions {
  /** Whether its folder is to stay. */
  readonly keep?: boolean
  /** A program to start the portal through. */
  readonly through?: readonly string[]
  /** Whether to do without certificates, for what calls the portal from this process. */
  readonly insecure?: boolean
  /** Whether agents serve nobody. */
  readonly alone?: boolean
  /** What else the portal is told; made of the testbed's folder. */
  readonly more?: (folder: string) => readonly string[]
}

/** Starts a portal and facilities that it knows. Disposing stops them all and removes their folder. */
export async function startTestbed(
  names: readonly string[],
  given: TestbedOptions = {},
): Promise<Testbed> {
  const { keep = false, through = [], insecure = false, alone = false, more = () => [] } = given
  const folder = await mkdtemp(join(tmpdir(), 'merge-image-testbed-'))
  // The embedded PostgreSQL runs as nobody where we are root, and has to get in.
  await chmod(folder, 0o755)
  const flags = ['--data', join(folder, 'portal'), ...more(folder)]
  const logFile = join(folder, 'portal.log')
  const options = { logFile, through, environment: insecure ? unprotected : {} }
  const start = (listen: string): Promise<Program> =>
    startProgram(['portal', ...flags, '--listen', listen], options)
  let portal = await start('127.0.0.1:0')
  const portalAddress = portal.ready['address'] ?? ''
  const facilities = new Map<string, FacilityProgram>()
  const known = insecure ? unprotected : adminIn(join(folder, 'portal'))
  const admin = { MRG_IMAGE_PORTAL: portalAddress, ...known }
  const mrg = <Answer>(...args: string[]): Promise<Answer> => ask<Answer>('mrg-image', args, admin)
  const testbed: Testbed = {
    folder,
    portalAddress,
    get portal() {
      return portal
    },
    facilities,
    admin,
    async restartPortal() {
      portal = await start(portalAddress)
    },
    async startFacility(name, through = [], more = []) {
      const serving = alone ? [] : ['--listen', '127.0.0.1:0']
      const flags = ['--facility', name, '--portal', portalAddress, ...serving]
      if (!insecure) await joinOnce(name, testbed, join(folder, folderOf(name)))
      const own = folderOf(name)
      const place = ['--data', join(folder, own), '--socket', join(folder, `${own}.sock`)]
      const agent = await startProgram(['agent', ...flags, ...place, ...more], {
        logFile: join(folder, `${own}.log`),
        through,
        environment: insecure ? unprotected : {},
      })
      const facility = { ...agent, socket: agent.ready['socket'] ?? '' }
      facilities.set(name, facility)
      return facility
    },
    mrg,
    mrs: (name, ...args) => {
      const socket = facilities.get(name)?.socket ?? ''
      return ask('mrs-image', [...args, '--socket', socket], {})
    },
    async [Symbol.asyncDispose]() {
      for (const program of [...facilities.values(), portal]) await stopped(program)
      if (!keep) await rm(folder, { recursive: true, force: true })
    },
  }
  for (const name of names) {
    await mrg('new', 'facility', name)
    await testbed.startFacility(name)
  }
  return testbed
}

/** Joins as a facility's manager does it, once for each data folder. */
async function joinOnce(
  facility: string,
  { portalAddress: portal, mrg }: Pick<Testbed, 'portalAddress' | 'mrg'>,
  data: string,
): Promise<void> {
  if (existsSync(identityFolder(data))) return
  const { token } = await mrg<{ readonly token: string }>('new', 'token', facility)
  const joining = { portal, token, data, requestId: randomUUID() }
  await joinPortal(joining, AbortSignal.timeout(30_000))
}

/** Where a facility's agent keeps what it has, in the testbed's folder; the portal has a folder of that name. */
export function folderOf(facility: string): string {
  return facility === 'portal' ? 'portal-agent' : facility
}

async function stopped(program: Program): Promise<void> {
  const { exitCode, signalCode } = program.process
  if (exitCode === null && signalCode === null) await program.stop()
}

const unprotected: Environment = { MERGE_IMAGE_INSECURE_DEV: 'true' }

/** Whoever has the portal's folder is its first admin. */
function adminIn(data: string): Environment {
  return {
    MERGE_IMAGE_TOKEN_FILE: join(data, 'admin.token'),
    MERGE_IMAGE_TLS_CA: join(data, 'authority', 'certificate.pem'),
  }
}
