import type { Logger } from 'pino'
import type { Gate } from '../rpc/serve.ts'
import { callsInto } from './calls.ts'
import type { Meter } from './meter.ts'
import { serveMeter } from './page.ts'

/** The figures of a process that tells them, or nothing. */
export interface Metrics {
  /** What a gate tells of its calls. */
  readonly gate: Pick<Gate, 'answered'>
  /** Serves the figures, once `read` has said which there are; where, or nowhere. */
  serve(read: (meter: Meter) => void, stack: AsyncDisposableStack): Promise<string>
}

export async function openMetrics(
  { metrics: address }: { readonly metrics: string | undefined },
  log: Logger,
): Promise<Metrics> {
  if (address === undefined) return { gate: {}, serve: () => Promise.resolve('') }
  const { openMeter } = await import('./meter.ts')
  const meter = openMeter((of, error) => {
    log.warn({ of, err: error }, 'figures could not be read')
  })
  return {
    gate: { answered: callsInto(meter) },
    async serve(read, stack) {
      read(meter)
      const { port } = stack.use(await serveMeter(meter, address))
      const where = address.replace(/:\d+$/, `:${port}`)
      log.info({ address: where }, 'figures served over HTTP')
      return where
    },
  }
}
