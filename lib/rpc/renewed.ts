import { stopped } from '../failure.ts'
import type { Channel } from './connect.ts'
import type { Shown } from './shown.ts'

/** How long calls that began on the channel before may take to find their connection. */
const graceMs = 60_000

/**
 * A channel that is made anew once another certificate is shown, since a connection goes by the one that opened it until it ends. What is under
 * way goes on where it is.
 */
export function renewedChannel(address: string, shown: Shown, open: () => Channel): Channel {
  const first = shown.current()
  let channel = open()
  let isOld = false
  let replaced = new AbortController()
  const retiring = new Map<Channel, NodeJS.Timeout>()
  const retire = (before: Channel): void => {
    clearTimeout(retiring.get(before))
    retiring.delete(before)
    before[Symbol.dispose]()
  }
  const following = shown.follow((certified) => {
    if (certified === first) return
    isOld = true
    replaced.abort(stopped('STOPPED', 'Another certificate is shown from now on.'))
    replaced = new AbortController()
  })
  const current = (): Channel => {
    if (!isOld) return channel
    isOld = false
    const before = channel
    retiring.set(before, setTimeout(retire, graceMs, before).unref())
    channel = open()
    return channel
  }
  return {
    address,
    get client() {
      return current().client
    },
    get replaced() {
      return replaced.signal
    },
    get metadata() {
      return current().metadata
    },
    [Symbol.dispose]: () => {
      following[Symbol.dispose]()
      for (const before of [...retiring.keys()]) retire(before)
      channel[Symbol.dispose]()
    },
  }
}
