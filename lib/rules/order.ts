/** An image that a facility lacks. */
export interface Lacked {
  readonly name: string
  /** By when it is to be there. */
  readonly byTime: Date | undefined
  /** Whether its terms bind it to a rate. */
  readonly isBound: boolean
  readonly priority: number
  readonly storedBytes: bigint
}

/**
 * In which order a facility fetches: what no rate binds before what one does, which is in no hurry and would hold up the others; what is
 * to be there by a time before what has none, the earliest first; then by priority; then small images, so that most are there early.
 */
export function comesFirst(a: Lacked, b: Lacked): number {
  return (
    Number(a.isBound) - Number(b.isBound) ||
    timeOf(a) - timeOf(b) ||
    b.priority - a.priority ||
    Number(a.storedBytes - b.storedBytes) ||
    (a.name < b.name ? -1 : 1)
  )
}

function timeOf({ byTime }: Lacked): number {
  return byTime?.getTime() ?? Number.MAX_SAFE_INTEGER
}
