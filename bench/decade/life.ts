import { parseImageName } from '../../lib/names/name.ts'
import { planRetention, type Decision } from '../../lib/retention/plan.ts'
import type { Policy } from '../../lib/retention/policy.ts'
import type { Chunks } from '../../lib/retention/sharing.ts'
import type { Kept, Need, World } from '../../lib/retention/world.ts'
import { between, chanceOf, oneOf, type Chance } from './chance.ts'
import { factory } from './content.ts'
import { emptyStore, type Store } from './stores.ts'

/** What is simulated. */
export interface Life {
  readonly years: number
  readonly seed: number
  /** `debian-13`, each with an arch and a role: their product is the lines. */
  readonly systems: readonly string[]
  readonly archs: readonly string[]
  readonly roles: readonly string[]
  readonly facilities: number
  readonly policies: readonly Policy[]
}

/** How things stood when a month ended. */
export interface Month {
  readonly date: Date
  readonly built: number
  readonly held: number
  /** Bytes in the portal's store and in the archive, chunks shared. */
  readonly storeBytes: number
  readonly archiveBytes: number
  /** What the same images would take as whole files, and all that were ever built. */
  readonly wholeBytes: number
  readonly everBytes: number
}

export interface Lived {
  readonly months: readonly Month[]
  readonly days: number
  readonly holds: number
  /** How often a held image was looked for, and each time it was there, whole. */
  readonly looks: number
}

interface Hold {
  readonly image: string
  readonly until: number
}

interface Being {
  image: Kept
  readonly chunks: Chunks
}

interface State {
  readonly beings: Map<string, Being>
  readonly store: Store
  readonly archive: Store
  holds: Hold[]
  held: number
  looks: number
}

const dayMs = 86_400_000
const begin = Date.UTC(2026, 0, 1)
const quarterDays = 91

/** Lives through the years day by day by a clock that is told; throws if a held image is ever not to be had, whole. */
export function live(life: Life, plan: typeof planRetention = planRetention): Lived {
  const chance = chanceOf(life.seed)
  const days = Math.round(life.years * 365.25)
  const state: State = {
    ...{ beings: new Map(), store: emptyStore(), archive: emptyStore() },
    ...{ holds: [], held: 0, looks: 0 },
  }
  const build = builder(life, chance, state)
  const months: Month[] = []
  for (let day = 0; day < days; day++) {
    build(day)
    hold(life, chance, state, day)
    const world = worldOn(state, day)
    for (const decision of plan(world, life.policies)) carryOut(state, decision, day)
    state.store.collect(day)
    state.archive.collect(day)
    lookForHeld(state, day)
    if (isMonthsEnd(day)) months.push(monthOf(state, day))
  }
  return { months, days, holds: state.held, looks: state.looks }
}

/** Builds each system's lines once a quarter, the systems on different days. */
function builder({ systems, archs, roles }: Life, chance: Chance, state: State) {
  const making = factory(chance)
  const bases = systems.flatMap((system) => archs.map((arch) => ({ system, arch })))
  return (day: number): void => {
    bases.forEach(({ system, arch }, i) => {
      if (day % quarterDays !== Math.floor((i * quarterDays) / bases.length)) return
      making.rebuild(`${system} ${arch}`)
      for (const role of roles) {
        const text = dateOn(day).toISOString().slice(0, 10).replaceAll('-', '')
        const name = `${system}.0-${role}-${arch}-${text}`
        publish(state, name, making.build(`${system} ${arch}`, role), day)
      }
    })
  }
}

function publish({ beings, store }: State, name: string, chunks: Chunks, day: number): void {
  const image: Kept = {
    ...{ name, parsed: parseImageName(name), state: 'released', storage: 'present' },
    ...{ heldBack: false, published: dateOn(day), used: undefined, expires: undefined },
    ...{ storedBytes: bytesOf(chunks), parent: undefined },
  }
  store.put(chunks)
  beings.set(name, { image, chunks })
}

/** Each facility runs an experiment every other week or so, on what is newest or on what it ran before; few become artifacts. */
function hold({ facilities }: Life, chance: Chance, state: State, day: number): void {
  state.holds = state.holds.filter(({ until }) => until > day)
  const there = [...state.beings.values()].filter(({ image }) => image.storage !== 'expired')
  const recent = there.slice(-80)
  for (let facility = 0; facility < facilities; facility++) {
    if (chance() > 1 / 14) continue
    const found = oneOf(chance, chance() < 0.9 ? recent : there)
    if (found === undefined) continue
    const isArtifact = chance() < 0.01
    const length = isArtifact ? between(chance, 365, 8 * 365) : between(chance, 1, 90)
    state.holds.push({ image: found.image.name, until: day + length })
    state.held += 1
    found.image = { ...found.image, used: dateOn(day) }
  }
}

function worldOn({ beings, holds }: State, day: number): World {
  const needs = new Map<string, Need[]>()
  for (const { image, until } of holds) {
    const need: Need = {
      ...{ kind: 'hold', name: image, message: 'an experiment holds it' },
      until: dateOn(until),
    }
    needs.set(image, [...(needs.get(image) ?? []), need])
  }
  const images = [...beings.values()].flatMap(({ image }) =>
    image.storage === 'expired' ? [] : [image],
  )
  return { now: dateOn(day), images, needs }
}

function carryOut(state: State, { image, action }: Decision, day: number): void {
  const being = state.beings.get(image.name)
  if (being === undefined || action === 'keep') return
  const from = image.storage === 'present' ? state.store : state.archive
  if (action === 'archive') state.archive.put(being.chunks)
  from.remove(being.chunks, day)
  being.image = { ...being.image, storage: action === 'archive' ? 'archived' : 'expired' }
}

function lookForHeld(state: State, day: number): void {
  for (const name of new Set(state.holds.map(({ image }) => image))) {
    const being = state.beings.get(name)
    const where = being?.image.storage === 'archived' ? state.archive : state.store
    state.looks += 1
    if (being === undefined || being.image.storage === 'expired' || !where.holds(being.chunks)) {
      const date = dateOn(day).toISOString().slice(0, 10)
      throw new Error(`on ${date} ${name} is held and cannot be had`)
    }
  }
}

function monthOf(state: State, day: number): Month {
  const all = [...state.beings.values()]
  const there = all.filter(({ image }) => image.storage !== 'expired')
  const whole = (beings: readonly Being[]) =>
    beings.reduce((sum, { image }) => sum + image.storedBytes, 0)
  return {
    date: dateOn(day),
    built: all.length,
    held: new Set(state.holds.map(({ image }) => image)).size,
    storeBytes: state.store.bytes(),
    archiveBytes: state.archive.bytes(),
    wholeBytes: whole(there),
    everBytes: whole(all),
  }
}

function dateOn(day: number): Date {
  return new Date(begin + day * dayMs)
}

function isMonthsEnd(day: number): boolean {
  return dateOn(day + 1).getUTCDate() === 1
}

function bytesOf(chunks: Chunks): number {
  return [...chunks.values()].reduce((sum, bytes) => sum + bytes, 0)
}
