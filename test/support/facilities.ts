import { randomUUID } from 'node:crypto'
import type { Clients } from './portal.ts'

/** Makes facilities known, as an admin. */
export async function makeFacilities(
  { facilities }: Clients,
  ...names: readonly string[]
): Promise<void> {
  for (const name of names) {
    await facilities.createFacility({ requestId: randomUUID(), name, displayName: '', arch: '' })
  }
}

/** Puts an image on a facility's wanted list. */
export async function push(
  { facilities }: Clients,
  facility: string,
  image: string,
): Promise<void> {
  await facilities.pushImage({ requestId: randomUUID(), facility, image })
}
