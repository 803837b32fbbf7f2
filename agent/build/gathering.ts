import { Fault } from './fault.ts'
import type { Listener } from './running.ts'

/** More than any list of packages or of files has. */
const most = 64 * 1024 * 1024

/** Keeps all that a command says, for whoever has to read it. */
export function gathered(): { readonly listen: Listener; readonly text: () => string } {
  const parts: Buffer[] = []
  let bytes = 0
  return {
    listen: (part) => {
      bytes += part.length
      if (bytes > most)
        throw new Fault('OUTPUT', `A list that a command made has more than ${most} bytes.`)
      parts.push(part)
    },
    text: () => Buffer.concat(parts).toString(),
  }
}
