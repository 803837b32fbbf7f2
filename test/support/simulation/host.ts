import type { Run } from '../../../lib/chunks/source.ts'
import { bucketOf, type Bucket, type BucketNews } from './bucket.ts'
import type { Chance } from './chance.ts'
import { databaseFile, type DatabaseFile } from './database.ts'
import { diskOf, type Disk } from './disk.ts'
import type { Network, Server } from './network.ts'
import { startProcess, type Process } from './process.ts'
import { runAgent, type HostSettings, type Running } from './running.ts'
import type { Timeline } from './timeline.ts'

/** A facility's machine: its disk and its database outlive the agent that runs on it. */
export interface Host extends Disposable {
  readonly name: string
  readonly server: Server
  readonly disk: Disk
  readonly database: DatabaseFile
  /** Where it lays images out. */
  readonly bucket: Bucket
  /** The agent, once it has started. */
  readonly running: Running | undefined
  /** How far its clock is from the right time. */
  clockMs: number
  start(): void
  /** The process ends, or the power goes; it is started again after a while. */
  crash(isPower: boolean): void
  /** The same in the middle of what it does then. */
  crashIn(moments: number, isPower: boolean): void
}

export interface HostDeps {
  readonly time: Timeline
  readonly network: Network
  readonly chance: Chance
  readonly portal: Server
  /** The other hosts, by name. */
  readonly peer: (name: string) => Server | undefined
  readonly settings: HostSettings
  readonly now: () => Date
  /** Another one each time, in order. */
  readonly newId: () => string
  /** Hears of each run that is sent to others. */
  readonly onSent: (host: Host, run: Run) => void
  /** Hears of what is laid out for the imaging service. */
  readonly laying: BucketNews
  /** Hears of what an agent should never do. */
  readonly onDefect: (text: string) => void
}

const diskBytes = 400_000

export function hostOf(name: string, deps: HostDeps): Host {
  const { time, network, chance } = deps
  const disk = diskOf(`/${name}`, diskBytes, chance)
  const database = databaseFile()
  let [process, running]: [Process | undefined, Running | undefined] = [undefined, undefined]
  const server: Server = { name, life: undefined, handlers: new Map(), isCutFrom: () => false }
  const end = (isPower: boolean): void => {
    if (process === undefined || process.isOver) return
    time.note(`${name} ${isPower ? 'loses its power' : 'is killed'}`)
    process.isOver = true
    network.gone(process, isPower)
    database.crash(isPower ? chance : undefined)
    if (isPower) disk.cut(chance)
    ;[process, running] = [undefined, undefined]
    server.life = undefined
    time.after(chance.between(100, 8_000), `${name} starts again`, () => {
      host.start()
    })
  }
  const host: Host = {
    name,
    server,
    disk,
    database,
    bucket: bucketOf(chance, deps.laying),
    clockMs: 0,
    get running() {
      return running
    },
    start() {
      const now = (): Date => new Date(deps.now().getTime() + host.clockMs)
      const started = startProcess(name, time, now)
      process = started
      runAgent(host, started, deps).then(
        (agent) => {
          if (!started.isOver) running = agent
        },
        (error: unknown) => {
          if (started.isOver) return
          time.note(`${name} does not start: ${codeOf(error)}`)
          end(false)
        },
      )
    },
    crash: end,
    crashIn(moments, isPower) {
      process?.endIn(moments, () => {
        end(isPower)
      })
    },
    [Symbol.dispose]: () => {
      if (process !== undefined) process.isOver = true
      database[Symbol.dispose]()
    },
  }
  return host
}

/** Without what it says of places, which differ from run to run. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null) {
    if ('reason' in error) return String(error.reason)
    if ('code' in error) return String(error.code)
  }
  return String(error)
}
