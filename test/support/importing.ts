import './realm.ts'
import { sleep } from '../../lib/chunks/clock.ts'
import type { Credentials } from '../../agent/import/credentials.ts'
import type { Item, Origin, OriginDeps } from '../../agent/import/origin.ts'

export const never = new AbortController().signal

/** The agent's owner lets sources look at 127.0.0.1, and nowhere else inside; nobody is patient. */
export function importDeps(others: Partial<OriginDeps> = {}): OriginDeps {
  return {
    importFolders: [],
    insideAllowed: ['127.0.0.1'],
    credentials: () => undefined,
    mostBytes: BigInt(64 * 1024 * 1024),
    now: () => new Date('2026-11-28T12:00:00Z'),
    clock: { sleep },
    random: () => 0.5,
    patience: { attempts: 2, firstMs: 1, mostMs: 4 },
    stallMs: 250,
    ...others,
  }
}

/** What the agent's owner gives for one server. */
export function credentialFor(
  endpoint: string,
  credential: NonNullable<ReturnType<Credentials>>,
): Credentials {
  return ({ origin }) => (origin === new URL(endpoint).origin ? credential : undefined)
}

export async function bytesOf(origin: Origin, item: Item | undefined): Promise<Buffer> {
  if (item === undefined) throw new Error('there is no such item')
  const pieces: Buffer[] = []
  for await (const piece of origin.open(item, never)) pieces.push(piece)
  return Buffer.concat(pieces)
}

export async function named(origin: Origin, name: string): Promise<Item> {
  const items = await origin.items(never)
  const found = items.find((item) => item.name === name)
  if (found === undefined)
    throw new Error(`${name} is not among ${JSON.stringify(items.map((item) => item.name))}`)
  return found
}
