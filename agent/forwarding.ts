import type { Remote } from '../lib/rpc/connect.ts'
import type { Call } from '../lib/rpc/serve.ts'
import type { Definition, Service } from '../lib/rpc/service.ts'

type Forwarded = (input: unknown, call: Call) => unknown
type Called = (input: unknown, options: { readonly signal: AbortSignal }) => unknown

/** A service of the portal, answered by asking it as this agent: it decides what the agent may. */
export function forwarded<D extends Definition>(remote: Remote<D>): Service<D, [call: Call]> {
  const methods = Object.entries(remote).map(([name, call]): [string, Forwarded] => [
    name,
    (input, { signal }) => (call as Called)(input, { signal }),
  ])
  return Object.fromEntries(methods) as Service<D, [call: Call]>
}
