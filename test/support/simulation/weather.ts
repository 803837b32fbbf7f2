import type { Chance } from './chance.ts'
import { rotPack } from './disk.ts'
import { codeOf, type Host } from './host.ts'
import type { Network } from './network.ts'
import type { Timeline } from './timeline.ts'

/** What can befall a run; each seed has some of it, each of its own strength. */
export interface Weather {
  /** Begins, and goes on until it is stopped. */
  begin(): void
  /** From now on everything works, and all clocks are right. */
  stop(): void
}

type Blow = (host: Host, ms: number) => void

export interface WeatherDeps {
  readonly time: Timeline
  readonly chance: Chance
  readonly network: Network
  readonly hosts: readonly [Host, ...Host[]]
  /** Has the portal go away for so long. */
  readonly away: (ms: number) => void
}

export function weatherOf({ time, chance, network, hosts, away }: WeatherDeps): Weather {
  let isOver = false
  const calm: (() => void)[] = []
  /** It lasts for a while, or until the weather ends. */
  const lasting = (ms: number, what: string, end: () => void): void => {
    calm.push(end)
    time.after(ms, what, end)
  }
  const blows: Readonly<Record<string, Blow>> = {
    kill: (host) => {
      host.crashIn(chance.between(1, 60), false)
    },
    power: (host) => {
      host.crashIn(chance.between(1, 60), true)
    },
    away: (_, ms) => {
      away(ms)
    },
    partition(host, ms) {
      const side = chance.any(['portal', ...hosts.map(({ name }) => name)])
      host.server.isCutFrom = (caller) => caller === side
      lasting(ms, `${host.name} is reached again`, () => {
        host.server.isCutFrom = () => false
      })
    },
    full(host, ms) {
      host.disk.faults.othersBytes = host.disk.totalBytes - chance.between(0, 40_000)
      lasting(ms, `${host.name} has room again`, () => {
        host.disk.faults.othersBytes = 0
      })
    },
    fullDatabase(host, ms) {
      host.database.fill(true)
      lasting(ms, `${host.name} has pages again`, () => {
        host.database.fill(false)
      })
    },
    failingDisk(host, ms) {
      host.disk.faults.failures = chance.pick([1_000, 10_000, 50_000])
      lasting(ms, `${host.name} has a good disk again`, () => {
        host.disk.faults.failures = 0
      })
    },
    failingBucket(host, ms) {
      host.bucket.faults.failures = chance.pick([5, 30, 100])
      lasting(ms, `${host.name} has a good bucket again`, () => {
        host.bucket.faults.failures = 0
      })
    },
    rot: (host) => {
      const where = rotPack(host.disk, `/${host.name}/chunks/packs`, chance)
      if (where !== undefined) time.note(`${host.name} rots: ${where}`)
    },
    clock(host) {
      host.clockMs = chance.pick([-3_600_000, -60_000, 0, 30_000, 1_200_000])
    },
    evict(host) {
      const { running } = host
      const name = chance.any(running?.storage.images.present() ?? [])?.name
      if (running === undefined || name === undefined) return
      running.evicting
        .evict([name], false, new AbortController().signal)
        .catch((error: unknown) => {
          if (!running.process.isOver) time.note(`${host.name} evicts nothing: ${codeOf(error)}`)
        })
    },
  }
  const some = Object.entries(blows).filter(() => chance.happens(0.5))
  const pauseMs = chance.pick([1_500, 5_000, 15_000])
  const blow = (): void => {
    if (isOver) return
    const one = chance.any(some)
    const host = chance.pick(hosts)
    if (one !== undefined) {
      time.note(`${host.name}: ${one[0]}`)
      one[1](host, chance.between(1_000, 30_000))
    }
    time.after(chance.between(1, 2 * pauseMs), 'more weather', blow)
  }
  return {
    begin() {
      const { faults } = network
      const often = (): number => chance.pick([0, 0, 10, 50, 200])
      Object.assign(faults, { cuts: often(), stalls: often(), truncations: often(), lies: often() })
      faults.latencyMs = chance.pick([2, 20, 300])
      time.note(`weather: ${some.map(([name]) => name).join()}, ${JSON.stringify(faults)}`)
      blow()
    },
    stop() {
      isOver = true
      for (const end of calm) end()
      Object.assign(network.faults, { cuts: 0, stalls: 0, truncations: 0, lies: 0, latencyMs: 5 })
      for (const host of hosts) {
        host.clockMs = 0
        host.crashIn(Infinity, false)
      }
    },
  }
}
