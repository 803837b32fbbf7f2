import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { openOrigin } from '../../agent/import/open.ts'
import type { Origin, OriginDeps } from '../../agent/import/origin.ts'
import type { ReasonName } from '../../lib/failure.ts'
import type { Place } from '../../lib/sources/place.ts'
import { bytesOf, importDeps, named, never } from '../support/importing.ts'
import { type Mishap, type Passing, type Proxy, startProxy } from '../support/proxy.ts'

/** A server that has one file, to which much may happen. */
export interface Scene extends AsyncDisposable {
  readonly endpoint: string
  /** What the file is called among the items. */
  readonly name: string
  place(endpoint: string): Place
  deps?(endpoint: string): Partial<OriginDeps>
  /** Has the file with these bytes, and tells their checksum as the place does. */
  offer(bytes: Buffer): Promise<void>
  /** Takes the file away; the list may go on naming it. */
  withdraw(): Promise<void>
  /** Has files with these names too; not where the server itself refuses such a name. */
  offerNamed?(names: readonly string[]): Promise<void>
  /** Whether this is asked for the bytes of the file. */
  isFile(passing: Passing): boolean
}

/** Names that lead elsewhere, hide something, or are no names at all. */
export const hostileNames = [
  '../../etc/passwd',
  '/etc/shadow',
  'a/../b',
  'bell\u0007',
  'turned\u202egpj',
]

export interface Traits {
  /** What a file is found to be that never ends. */
  readonly endless?: ReasonName
  /** What comes of an answer that leads inside. */
  readonly led?: ReasonName
  /** Whether the place tells something by which its bytes are known. */
  readonly isChecked?: boolean
}

/** What every kind of source has to live through. */
export function originContract(
  start: () => Promise<Scene>,
  { endless = 'ITEM_CORRUPT', led = 'ADDRESS_REFUSED', isChecked = true }: Traits = {},
): void {
  let scene: Scene
  let proxy: Proxy
  let mishap: ((passing: Passing) => Mishap | undefined) | undefined
  let origin: Origin

  const openHere = (): Promise<Origin> =>
    openOrigin(scene.place(proxy.endpoint), importDeps(scene.deps?.(proxy.endpoint) ?? {}))

  beforeAll(async () => {
    scene = await start()
    proxy = await startProxy(scene.endpoint, (passing) => mishap?.(passing))
  }, 60_000)
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await scene[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    mishap = undefined
    origin = await openHere()
  })
  afterEach(async () => {
    await origin[Symbol.asyncDispose]()
  })

  const bytes = randomBytes(700_000)
  const file = async () => {
    await scene.offer(bytes)
    return named(origin, scene.name)
  }
  /** Happens to whoever asks for the file, so many times. */
  const befall = (happens: Mishap, times = Infinity): void => {
    let left = times
    mishap = (passing) => (scene.isFile(passing) && left-- > 0 ? happens : undefined)
  }

  test('the file is listed, and its bytes come', async () => {
    const item = await file()
    expect(item.refused).toBeUndefined()
    expect((await bytesOf(origin, item)).equals(bytes)).toBe(true)
  })

  test('unchanged, it is the same item, and only lists are moved', async () => {
    const before = await file()
    proxy.forget()
    await using again = await openHere()
    expect(await named(again, scene.name)).toEqual(before)
    const moved = proxy.passed.filter((passing) => scene.isFile(passing))
    expect(moved.filter(({ headers }) => headers.range === undefined)).toEqual([])
  })

  test('changed, it is another version, and the old one is not to be had', async () => {
    const before = await file()
    const others = randomBytes(600_000)
    await scene.offer(others)
    const after = await named(origin, scene.name)
    expect(after.version).not.toBe(before.version)
    expect((await bytesOf(origin, after)).equals(others)).toBe(true)
    await expect(bytesOf(origin, before)).rejects.toMatchObject({ reason: 'FILE_CHANGED' })
  })

  test('gone, it says so', async () => {
    const item = await file()
    await scene.withdraw()
    await expect(bytesOf(origin, item)).rejects.toMatchObject({
      reason: 'SOURCE_GONE',
      kind: 'missing',
    })
  })

  if (isChecked) {
    test('with a bit flipped on its way it does not come to its end', async () => {
      const item = await file()
      befall({ kind: 'flip' })
      await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'ITEM_CORRUPT' })
    })
  }

  test('cut off once it is taken up again', async () => {
    const item = await file()
    befall({ kind: 'cutAnswer', after: 300_000 }, 1)
    expect((await bytesOf(origin, item)).equals(bytes)).toBe(true)
  })

  test('cut off each time it ends in a failure', async () => {
    const item = await file()
    befall({ kind: 'cutAnswer', after: 10_000 })
    await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
  })

  test('endless it is left', async () => {
    const item = await file()
    befall({ kind: 'endless' })
    await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: endless })
  })

  test('stalled it is left', async () => {
    const item = await file()
    befall({ kind: 'stall', after: 10_000 })
    await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'UNREACHABLE' })
  })

  test('led inside it goes nowhere', async () => {
    const item = await file()
    await using inside = await startInside()
    befall({ kind: 'redirect', to: `http://127.0.0.2:${inside.port}/secret` })
    await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: led })
    expect(inside.seen()).toBe(0)
  })

  test('hostile names are refused one by one', async () => {
    await scene.offer(bytes)
    if (scene.offerNamed === undefined) return
    await scene.offerNamed(hostileNames)
    const items = await origin.items(never)
    const refused = items.filter((item) => item.refused !== undefined)
    expect(refused.length).toBeGreaterThanOrEqual(hostileNames.length)
    for (const item of refused) {
      expect(item.name).not.toMatch(/\p{Cc}|\p{Cf}/u)
      await expect(bytesOf(origin, item)).rejects.toMatchObject({ reason: 'INVALID_NAME' })
    }
    const good = items.find(({ name }) => name === scene.name)
    expect((await bytesOf(origin, good)).equals(bytes)).toBe(true)
  })
}

/** Who must not be asked, and counts who does. */
async function startInside() {
  let seen = 0
  const server = createServer((socket) => {
    seen++
    socket.destroy()
  }).listen(0, '127.0.0.2')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    seen: () => seen,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}
