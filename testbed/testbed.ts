import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, startProgram, type Program } from './program.ts'

/** A portal and facilities on this machine, each a process with a folder of its own. */
export interface Testbed extends AsyncDisposable {
  readonly folder: string
  /** `host:port`. */
  readonly portalAddress: string
  readonly portal: Program
  readonly facilities: ReadonlyMap<string, FacilityProgram>
  restartPortal(): Promise<void>
  /** Starts the facility's agent, again if it was stopped; maybe through another program. */
  startFacility(name: string, through?: readonly string[]): Promise<FacilityProgram>
  mrg<Answer>(...args: string[]): Promise<Answer>
  mrs<Answer>(facility: string, ...args: string[]): Promise<Answer>
}

export interface FacilityProgram extends Program {
  readonly socket: string
}

/** Starts a portal and facilities that it knows. Disposing stops them all and removes their folder. */
export async function startTestbed(
  names: readonly string[],
  { keep = false, through }: { readonly keep?: boolean; readonly through?: readonly string[] } = {},
): Promise<Testbed> {
  const folder = await mkdtemp(join(tmpdir(), 'merge-image-testbed-'))
  // The embedded PostgreSQL runs as nobody where we are root, and has to get in.
  await chmod(folder, 0o755)
  let portal = await startPortal(folder, '127.0.0.1:0', through)
  const portalAddress = portal.ready['address'] ?? ''
  const facilities = new Map<string, FacilityProgram>()
  const mrg = <Answer>(...args: string[]): Promise<Answer> =>
    ask<Answer>('mrg-image', [...args, '--portal', portalAddress])
  const testbed: Testbed = {
    folder,
    portalAddress,
    get portal() {
      return portal
    },
    facilities,
    async restartPortal() {
      portal = await startPortal(folder, portalAddress, through)
    },
    async startFacility(name, through) {
      const agent = await startAgent(folder, name, portalAddress, through)
      const facility = { ...agent, socket: agent.ready['socket'] ?? '' }
      facilities.set(name, facility)
      return facility
    },
    mrg,
    mrs: (name, ...args) => {
      const socket = facilities.get(name)?.socket ?? ''
      return ask('mrs-image', [...args, '--socket', socket])
    },
    async [Symbol.asyncDispose]() {
      for (const program of [...facilities.values(), portal]) {
        if (program.process.exitCode === null && program.process.signalCode === null) {
          await program.stop()
        }
      }
      if (!keep) await rm(folder, { recursive: true, force: true })
    },
  }
  for (const name of names) {
    await mrg('new', 'facility', name)
    await testbed.startFacility(name)
  }
  return testbed
}

function startPortal(
  folder: string,
  listen: string,
  through?: readonly string[],
): Promise<Program> {
  return startProgram(
    ['portal', '--data', join(folder, 'portal'), '--listen', listen, '--insecure-dev'],
    join(folder, 'portal.log'),
    through,
  )
}

function startAgent(
  folder: string,
  name: string,
  portal: string,
  through?: readonly string[],
): Promise<Program> {
  const place = ['--data', join(folder, name), '--socket', join(folder, `${name}.sock`)]
  const self = ['--facility', name, '--portal', portal, '--listen', '127.0.0.1:0']
  return startProgram(
    ['agent', ...self, ...place, '--insecure-dev'],
    join(folder, `${name}.log`),
    through,
  )
}
