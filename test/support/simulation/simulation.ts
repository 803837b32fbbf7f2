import { builderOf, lines } from './builds.ts'
import { chanceOf, type Chance } from './chance.ts'
import { checksOf } from './checks.ts'
import { endFlaw } from './ending.ts'
import { hostOf, type Host, type HostDeps } from './host.ts'
import { laidFlaw, layingNews } from './laid.ts'
import { networkOf } from './network.ts'
import { portalOf, type Portal } from './portal.ts'
import { readImages } from './reading.ts'
import { boundOf, kindTerms, someTerms } from './terms.ts'
import { timeline, type Timeline } from './timeline.ts'
import { weatherOf } from './weather.ts'

/** What came of one seed. */
export interface Outcome {
  readonly seed: number
  readonly steps: number
  /** Milliseconds that went by in the run. */
  readonly lasted: number
  /** Of all that happened. */
  readonly digest: string
  /** What is wrong, and the last that happened before; undefined if all went well. */
  readonly violation: string | undefined
  readonly lines: readonly string[]
}

/** Twenty seconds before midnight. */
const beganAt = Date.UTC(2026, 10, 1) - 20_000
const stormMs = 45_000
/** All that sits out, waits or is looked at now and then has had its turn by then, unless somebody lies for the fifth time. */
const calmMs = 90 * 60_000
const lookMs = 60_000

/**
 * Runs a portal and the agents of some facilities in a time, over a network and on disks that are made up, by a seed, and checks after
 * each step what must never be otherwise. In the end everything works, and they have to come to hold what they should.
 */
export async function simulate(seed: number, keepsAll = false): Promise<Outcome> {
  const time = timeline(keepsAll)
  const chance = (name: string): Chance => chanceOf(seed, name)
  const now = (): Date => new Date(beganAt + time.now())
  const names = ['lab1', 'lab2', 'lab3'].slice(0, chance('names').between(1, 3))
  const [hosts, defects]: [Host[], string[]] = [[], []]
  const portal = portalOf(names, time, now, (facility, digests) => {
    const flaw = bound.asks(facility, digests)
    if (flaw !== undefined) defects.push(`${facility}: ${flaw}`)
  })
  const bound = boundOf(hosts, portal, time)
  const network = networkOf(time, chance('network'))
  using stack = new DisposableStack()
  const checks = checksOf(hosts, portal)
  let ids = 0
  for (const name of names) {
    const deps: HostDeps = {
      ...{ time, network, now, portal: portal.server, chance: chance(name) },
      peer: (other) => hosts.find((host) => host.name === other)?.server,
      settings: settingsOf(chance(`settings of ${name}`)),
      newId: () => String(ids++).padStart(26, '0'),
      onSent: checks.sent,
      laying: layingNews(
        () => host,
        portal,
        (text) => void defects.push(text),
      ),
      onDefect: (text) => void defects.push(text),
    }
    const host = stack.use(hostOf(name, deps))
    hosts.push(host)
  }
  const [first, ...others] = hosts
  if (first === undefined) throw new Error('nobody takes part')
  const away = (ms: number): void => {
    portalAway(portal, network, time, ms)
  }
  const deps = {
    time,
    chance: chance('weather'),
    network,
    hosts: [first, ...others] as const,
    away,
  }
  const weather = weatherOf(deps)
  const releasing = { time, portal, chance: chance('releases'), seed }
  const stopReleasing = keepReleasing(releasing)
  const stopReading = readImages(
    { time, hosts, portal, chance: chance('reading') },
    (text) => void defects.push(text),
  )
  for (const host of hosts) host.start()
  weather.begin()
  const restarts = chance('calm').happens(0.7)
  const calm = (): void => {
    time.note('from now on everything works')
    weather.stop()
    if (restarts) for (const host of hosts) host.crash(false)
    stopReleasing()
    stopReading()
  }
  time.after(stormMs, 'the storm is over', calm)
  let violation: string | undefined
  let looked = stormMs
  while (violation === undefined && (await time.step())) {
    bound.step()
    violation = defects[0] ?? checks.step()
    if (time.now() < looked + lookMs || violation !== undefined) continue
    looked = time.now()
    const flaw = hosts
      .map((host) => named(host, endFlaw(host, portal, restarts) ?? laidFlaw(host, portal)))
      .find((one) => one !== undefined)
    if (flaw === undefined) break
    if (time.now() > stormMs + calmMs) violation = `after all ${calmMs} ms of calm ${flaw}`
  }
  const { steps, lines: told } = time
  return { seed, steps, lasted: time.now(), digest: time.digest(), violation, lines: told }
}

function named({ name }: Host, flaw: string | undefined): string | undefined {
  return flaw === undefined ? undefined : `${name}: ${flaw}`
}

function settingsOf(chance: Chance): HostDeps['settings'] {
  return {
    mostBytes: chance.pick([undefined, 200_000, 300_000]),
    fetchRate: chance.pick([undefined, undefined, 20_000]),
    keepUnwanted: chance.pick([0, 20_000, 90_000]),
    collectGrace: chance.pick([0, 20_000]),
    packBytes: chance.pick([3_000, 10_000, 1_000_000]),
  }
}

/** Everybody's line to it is cut, and it is not there for a while. */
function portalAway(
  { server }: Portal,
  network: ReturnType<typeof networkOf>,
  time: Timeline,
  ms: number,
): void {
  if (server.life === undefined) return
  network.gone(server.life, false)
  server.life.isOver = true
  server.life = undefined
  time.after(ms, 'the portal is back', () => {
    server.life = { name: 'portal', isOver: false }
  })
}

/** New builds come, facilities want more or less, on these terms or those, and something is revoked now and then. */
function keepReleasing({
  time,
  portal,
  chance,
  seed,
}: {
  readonly time: Timeline
  readonly portal: Portal
  readonly chance: Chance
  readonly seed: number
}): () => void {
  const builder = builderOf(seed, chance)
  const pauseMs = chance.pick([5_000, 20_000])
  let isOver = false
  const change = (): void => {
    if (isOver) return
    const facility = chance.any([...portal.facilities.values()])
    const build = chance.any(portal.usable())
    const what = chance.between(0, 11)
    if (what < 5 || build === undefined || facility === undefined) {
      portal.add(builder.next(chance.pick(lines)))
    } else if (what < 6) facility.newest = chance.between(0, 2)
    else if (what < 7) facility.pushed.add(build.name)
    else if (what < 9) facility.pushed.clear()
    else if (what < 11) facility.terms = someTerms(chance)
    else portal.revoke(build.name, chance.happens(0.5))
    portal.settle()
    time.after(chance.between(1, 2 * pauseMs), 'something changes', change)
  }
  for (const facility of portal.facilities.values()) facility.terms = someTerms(chance)
  for (const line of lines) portal.add(builder.next(line))
  time.after(pauseMs, 'something changes', change)
  return () => {
    isOver = true
    for (const facility of portal.facilities.values())
      if (facility.terms.length > 0) facility.terms = kindTerms(chance)
    portal.settle()
  }
}
