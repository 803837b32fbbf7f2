import { mkdir, rm } from 'node:fs/promises'
import { bucketAt, type ServerSettings } from '../../lib/chunks/given.ts'
import { openObjects, type ObjectStat } from '../../lib/chunks/objects.ts'
import type { Shelf } from './shelf.ts'

/** Lays images out in a bucket. Files are made ready in a folder of the agent's, and go up in parts. */
export async function bucketShelf(
  address: string,
  server: ServerSettings,
  { staging, newUuid }: { readonly staging: string; readonly newUuid: () => string },
  stack: AsyncDisposableStack,
): Promise<Shelf> {
  const objects = stack.use(await openObjects(await bucketAt(address, server, newUuid)))
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { recursive: true })
  const look = async (key: string, signal?: AbortSignal): Promise<string | undefined> =>
    tokenOf(await objects.head(key, signal))
  return {
    place: address,
    staging,
    pathOf: () => undefined,
    discard: (staged) => rm(staged, { force: true }),
    async put(staged, key, signal) {
      await objects.putFile(key, staged, signal)
      return (await look(key, signal)) ?? ''
    },
    copy: async (from, key, signal) =>
      (await objects.copy(from, key, signal)) ? look(key, signal) : undefined,
    look,
    remove: (key, signal) => objects.delete(key, signal),
  }
}

function tokenOf(found: ObjectStat | undefined): string | undefined {
  return found === undefined ? undefined : [found.etag, found.sizeBytes].join(' ')
}
