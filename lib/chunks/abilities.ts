import type { Objects, PutRequest } from './objects.ts'

/** What a server can do, as far as not all can. */
export interface Abilities {
  /**
   * Whether the server refuses to overwrite where it is asked to. One that has no conditional put says so; one that ignores
   * the condition does not.
   */
  readonly conditionalPut: 'honoured' | 'unsupported' | 'ignored'
}

/** Tells a server that cannot do what we need, in words that go on from its name. */
export type Unfit = (text: string) => Error

/** Tries everything that we need of a server on three small objects, which are gone afterwards. */
export async function findAbilities(
  objects: Objects,
  newId: () => string,
  unfit: Unfit,
  signal?: AbortSignal,
): Promise<Abilities> {
  const id = newId()
  const keys = [1, 2, 3].map((n) => `${folder}${id}-${n}`)
  const trial: Trial = { objects, newId, unfit, signal, keys }
  try {
    const conditionalPut = await tryPuts(trial)
    await tryReads(trial)
    await tryLists(trial)
    await tryDeletes(trial)
    return { conditionalPut }
  } finally {
    await Promise.allSettled(keys.map((key) => objects.delete(key)))
  }
}

const folder = 'probe/'
const body = Buffer.from('probe')

interface Trial {
  readonly objects: Objects
  readonly newId: () => string
  readonly unfit: Unfit
  readonly signal: AbortSignal | undefined
  readonly keys: readonly string[]
}

async function tryPuts(trial: Trial): Promise<Abilities['conditionalPut']> {
  const { objects, newId, signal, keys } = trial
  const request = (key: string, ifAbsent: boolean): PutRequest => {
    return { key, body, token: newId(), ifAbsent }
  }
  const [first = '', ...others] = keys
  for (const key of others) await objects.put(request(key, false), signal)
  const one = await objects.put(request(first, true), signal)
  if (one === 'unsupported') {
    await objects.put(request(first, false), signal)
    return 'unsupported'
  }
  const again = await objects.put(request(first, true), signal)
  return again === 'taken' ? 'honoured' : 'ignored'
}

async function tryReads({ objects, newId, unfit, signal, keys }: Trial): Promise<void> {
  const [first = ''] = keys
  const token = newId()
  await objects.put({ key: first, body, token, ifAbsent: false }, signal)
  const found = await objects.head(first, signal)
  if (found?.sizeBytes !== body.length || found.token !== token) {
    throw unfit('does not show what was just written, or drops its metadata: use one that does')
  }
  const middle = Buffer.from(await objects.get(first, 1, 3, signal))
  if (!middle.equals(body.subarray(1, 4))) {
    throw unfit('answers with other bytes than those asked for: look what stands in between')
  }
}

const hourMs = 3_600_000

/** Also takes away what a start left that was killed in the middle, an hour ago or more by the server's clock. */
async function tryLists({ objects, unfit, signal, keys }: Trial): Promise<void> {
  const seen = []
  for (let from: string | undefined, more = true; more; more = from !== undefined) {
    const page = await objects.page(folder, from, 2, signal)
    for (const found of page.objects) {
      if (found.key <= (seen.at(-1)?.key ?? '')) throw unfit(outOfOrder)
      seen.push(found)
    }
    from = page.next
  }
  const mine = seen.filter(({ key }) => keys.includes(key))
  if (mine.length < keys.length)
    throw unfit('does not list what was just written: use one that does')
  const now = Math.max(...mine.map(({ writtenAt }) => writtenAt))
  for (const { key, writtenAt } of seen) {
    if (writtenAt < now - hourMs) await objects.delete(key, signal)
  }
}

export const outOfOrder =
  'does not list keys in their order: use a general purpose bucket, or another server'

async function tryDeletes({ objects, unfit, signal, keys }: Trial): Promise<void> {
  for (const key of keys) {
    await objects.delete(key, signal)
    if ((await objects.head(key, signal)) === undefined) continue
    throw unfit('still shows what was deleted: take away its retention or object lock')
  }
}
