import type { AnsweredCall } from '../rpc/serve.ts'
import type { Meter } from './meter.ts'

/** Counts calls by method and code, and measures those that answer once: streams last as long as their callers want. */
export function callsInto(meter: Meter): (call: AnsweredCall) => void {
  const count = meter.counter('calls_total', 'Calls that were answered.', ['method', 'code'])
  const took = meter.histogram({
    name: 'call_seconds',
    help: 'How long calls took that are no streams.',
    labels: ['method'],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
  })
  return ({ method, code, ms, isStream }) => {
    count({ method, code })
    if (!isStream) took({ method }, ms / 1000)
  }
}
