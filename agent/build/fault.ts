import { BuildFailure } from '../../proto/gen/merge/image/v1/build.ts'

/** Why a build failed, in the words of build.proto. */
export type Blame =
  'PACKAGES' | 'SCRIPT' | 'TIME' | 'DISK' | 'LOG' | 'OUTPUT' | 'BUILDER' | 'PUBLISH' | 'SOURCE'

/** A build that fails, and what to say of it. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly blame: Blame

  constructor(blame: Blame, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.blame = blame
  }
}

/** A build that ends before its time, through no fault of its own. */
export class CalledOff extends Error {
  override readonly name = 'CalledOff'
  readonly why: 'cancelled' | 'lost' | 'stopping'

  constructor(why: CalledOff['why']) {
    super(`the build was called off: ${why}`)
    this.why = why
  }
}

export function failureOf(blame: Blame): BuildFailure {
  return BuildFailure[`BUILD_FAILURE_${blame}`]
}

const longest = 2000

/** A text as it fits into a field of so many characters: what is too long loses its middle, for ends say most. */
export function fitting(text: string, most = longest): string {
  if (text.length <= most) return text
  const half = Math.floor((most - 3) / 2)
  return `${text.slice(0, half)}\n…\n${text.slice(text.length - half)}`.slice(0, most)
}
