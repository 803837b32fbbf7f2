import { shelf, type Shelf } from './shelf.ts'

/** Memory that every thread sees: bytes are put into it once, and nothing is left to collect. */
export type Slot = Uint8Array<SharedArrayBuffer>

/** Slots of one length. Their count bounds the memory and the tasks under way at once. */
export function slots(count: number, bytes: number): Shelf<Slot> {
  return shelf(count, () => newSlot(bytes))
}

function newSlot(bytes: number): Slot {
  return new Uint8Array(new SharedArrayBuffer(bytes))
}
