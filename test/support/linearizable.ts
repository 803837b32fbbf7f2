// Decides whether a history of operations on aliases is linearizable: whether all of them can be put in one order, in which
// each sees what those before it did, and which never contradicts that one had ended before another began.

/** One operation as its client saw it. `start` and `end` are places in the one order of all events. */
export type Operation = Readonly<{ alias: string; start: number; end: number }> & Seen

export type Seen =
  /** It moved the alias: to an image of its choice, only from an expected version, or back. */
  | Readonly<{ did: 'move'; version: number; image: string; expected?: number; back?: true }>
  /** The alias did not have the expected version. */
  | Readonly<{ did: 'lose'; expected: number }>
  /** The alias had never pointed elsewhere. */
  | Readonly<{ did: 'stay' }>
  | Readonly<{ did: 'read'; version: number; image: string }>
  /** It saw the image, in a generation of names, but not the version. */
  | Readonly<{ did: 'resolve'; image: string; generation: bigint }>
  /** The alias was not there yet. */
  | Readonly<{ did: 'miss' }>

/** Why a history is not linearizable; nothing if it is. */
export function faultsOf(history: readonly Operation[]): readonly string[] {
  const ofAliases = [...Map.groupBy(history, ({ alias }) => alias).values()].flatMap(faultsOfAlias)
  return [...ofAliases, ...faultsOfGenerations(history)]
}

/** The image at each version; none at 0, before the first move. */
type Images = readonly (string | undefined)[]

function faultsOfAlias(history: readonly Operation[]): readonly string[] {
  const moves = history.filter((one) => one.did === 'move').sort((a, b) => a.version - b.version)
  const skipped = moves.find(({ version }, i) => version !== i + 1)
  if (skipped !== undefined) return [`${told(skipped)}: that version is made twice, or one is not`]
  const images = [undefined, ...moves.map(({ image }) => image)]
  return [
    ...history.flatMap((one) => (fits(one, images) ? [] : [`${told(one)}: that cannot be`])),
    ...faultsOfOrder(history, images),
    ...faultsOfResolutions(history, images),
  ]
}

/** Whether an operation agrees with the moves that there were, whenever it was. */
function fits(one: Operation, images: Images): boolean {
  if (one.did === 'read') return images[one.version] === one.image
  if (one.did === 'resolve') return images.includes(one.image)
  if (one.did !== 'move') return true
  const from = one.version - 1
  if (one.expected !== undefined && one.expected !== from) return false
  return one.back !== true || one.image === imageBefore(images, from)
}

function imageBefore(images: Images, version: number): string | undefined {
  return images.slice(1, version).findLast((image) => image !== images[version])
}

/**
 * Goes through the events as they happened, and gives each operation the first version at which it can have been, not before
 * any that an operation saw or made which had ended. Later ones are only harder to place after a later version, so if this
 * finds no place then there is none.
 */
function faultsOfOrder(history: readonly Operation[], images: Images): readonly string[] {
  const faults: string[] = []
  const places = new Map<Operation, number>()
  let reached = 0
  const events = history.flatMap((one) => [
    { one, at: one.start, begins: true },
    { one, at: one.end, begins: false },
  ])
  for (const { one, begins } of events.sort((a, b) => a.at - b.at)) {
    if (!begins) {
      reached = Math.max(reached, places.get(one) ?? 0)
      continue
    }
    const place = firstPlace(one, reached, images)
    if (place === undefined) faults.push(`${told(one)}: version ${reached} had been reached before`)
    else places.set(one, place)
  }
  return faults
}

function firstPlace(one: Operation, reached: number, images: Images): number | undefined {
  for (let version = reached; version < images.length; version++) {
    if (canBeAt(one, version, reached, images)) return version
  }
  return undefined
}

function canBeAt(one: Operation, version: number, reached: number, images: Images): boolean {
  switch (one.did) {
    case 'move':
      return one.version === version && version > reached
    case 'read':
      return one.version === version
    case 'resolve':
      return images[version] === one.image
    case 'lose':
      return version !== one.expected
    case 'stay':
      return version > 0 && new Set(images.slice(1, version + 1)).size === 1
    case 'miss':
      return version === 0
  }
}

/** In the order of their generations resolutions go through the versions forwards. */
function faultsOfResolutions(history: readonly Operation[], images: Images): readonly string[] {
  let version = 0
  for (const one of resolutionsOf(history)) {
    version = images.indexOf(one.image, version)
    if (version < 0) return [`${told(one)}: a generation before it was further`]
  }
  return []
}

/** A generation has one answer for each alias, and no later question gets an earlier generation. */
function faultsOfGenerations(history: readonly Operation[]): readonly string[] {
  const faults: string[] = []
  const answers = new Map<string, string>()
  for (const one of resolutionsOf(history)) {
    const key = `${one.alias} ${one.generation}`
    if ((answers.get(key) ?? one.image) !== one.image)
      faults.push(`${told(one)}: it had two answers`)
    answers.set(key, one.image)
  }
  const resolutions = resolutionsOf(history)
  const ended = resolutions.toSorted((a, b) => a.end - b.end)
  let [latest, i] = [0n, 0]
  for (const one of resolutions.toSorted((a, b) => a.start - b.start)) {
    for (let other = ended[i]; other !== undefined && other.end < one.start; other = ended[++i]) {
      if (other.generation > latest) latest = other.generation
    }
    if (one.generation < latest) faults.push(`${told(one)}: generation ${latest} had been seen`)
  }
  return faults
}

type Resolution = Extract<Operation, { readonly did: 'resolve' }>

function resolutionsOf(history: readonly Operation[]): readonly Resolution[] {
  return history
    .filter((one) => one.did === 'resolve')
    .sort((a, b) => Number(a.generation - b.generation))
}

function told({ start, end, ...seen }: Operation): string {
  const facts = Object.entries(seen).map(([name, value]) => `${name} ${value}`)
  return `from ${start} to ${end}: ${facts.join(', ')}`
}
