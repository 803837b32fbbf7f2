import { missing, precondition } from '../../lib/failure.ts'
import { checked } from './checked.ts'
import { harmless, nameFault } from './naming.ts'
import type { Item, Origin, OriginDeps } from './origin.ts'

/** A file that was found, as the source names it, and how it is read. */
export interface Found extends Item {
  readonly open: (signal: AbortSignal) => AsyncIterable<Buffer>
}

/** Which files there are. */
export type Find = (signal: AbortSignal) => Promise<readonly Found[]>

/** Makes an origin of what finds files: names are looked at, and bytes compared with what was said of them. */
export function originOf(
  find: Find,
  { mostBytes }: Pick<OriginDeps, 'mostBytes'>,
  ...closing: readonly AsyncDisposable[]
): Origin {
  const stack = new AsyncDisposableStack()
  for (const each of closing) stack.use(each)
  let known: ReadonlyMap<string, Listed> | undefined
  const list = async (signal: AbortSignal): Promise<ReadonlyMap<string, Listed>> =>
    (known = listOf(await find(signal)))
  return {
    items: async (signal) => [...(await list(signal)).values()].map(({ item }) => item),
    async *open(item, signal) {
      const listed = (known ?? (await list(signal))).get(item.name)
      if (listed === undefined) throw goneFromList(item.name)
      if (listed.item.refused !== undefined) throw listed.item.refused
      if (listed.item.version !== item.version) throw changedInList(item.name)
      yield* checked(listed.item, listed.found.open(signal), mostBytes)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

interface Listed {
  readonly item: Item
  readonly found: Found
}

/** By name; where two files have one name, neither can be had. */
function listOf(found: readonly Found[]): ReadonlyMap<string, Listed> {
  const listed = new Map<string, Listed>()
  for (const one of found) {
    const item = itemOf(one)
    const { name, version } = item
    const before = listed.get(name)
    if (before?.item.version === version) continue
    const listing = before === undefined ? item : { ...item, refused: twice(name) }
    listed.set(name, { item: listing, found: one })
  }
  return listed
}

/** What a source says goes into databases and onto screens. */
function itemOf({ open: _open, ...said }: Found): Item {
  const fault = nameFault(said.name)
  const refused = fault ?? said.refused
  const fields = Object.entries(said.fields).map(([key, value]) => [key, harmless(value, 512)])
  return {
    ...said,
    name: fault === undefined ? said.name : harmless(said.name),
    version: harmless(said.version, 512),
    fields: Object.fromEntries(fields) as Record<string, string>,
    ...(refused === undefined ? {} : { refused }),
  }
}

function twice(name: string) {
  const text = `${name} is in its list twice, with two contents: ask whoever runs the source`
  return precondition('SOURCE_UNREADABLE', text, { name })
}

function goneFromList(name: string) {
  const text = `${name} is not in its list any more: look again what there is`
  return missing('SOURCE_GONE', text, { name })
}

function changedInList(name: string) {
  const text = `${name} is another than it was when it was listed: look again what there is`
  return precondition('FILE_CHANGED', text, { path: name })
}
