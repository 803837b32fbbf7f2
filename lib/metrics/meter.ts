import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** A figure of a name, for these labels. */
export interface Figure<N extends string> {
  readonly name: N
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** What a figure is, by the name that it has after `merge_image_`. A count goes up only, while the process lives. */
export interface Kind {
  readonly kind: 'gauge' | 'count'
  readonly help: string
  readonly labels?: readonly string[]
}

export interface HistogramKind {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
}

type Labels = Readonly<Record<string, string>>

/** The figures of one process. */
export interface Meter {
  /** Reads figures together whenever somebody looks; what is not read any more is not shown any more. */
  reading<N extends string>(
    of: string,
    kinds: Readonly<Record<N, Kind>>,
    read: () => Promise<readonly Figure<N>[]>,
  ): void
  counter(name: string, help: string, labels: readonly string[]): (labels: Labels) => void
  histogram(kind: HistogramKind): (labels: Labels, value: number) => void
  /** All of it, in Prometheus' text format. A reading that fails is left out, and said to have failed. */
  text(): Promise<string>
  readonly contentType: string
}

const prefix = 'merge_image_'

/** Counts and reads figures of its own, and those of every Node process. */
export function openMeter(failed: (of: string, error: unknown) => void): Meter {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const readings: (() => Promise<void>)[] = []
  const lost = new Gauge({
    name: `${prefix}reading_failed`,
    help: 'Whether figures of this kind could not be read, and are left out: 1, or 0.',
    labelNames: ['of'],
    registers,
  })
  let looking: Promise<string> | undefined
  const look = async (): Promise<string> => {
    await Promise.all(readings.map((read) => read()))
    return registry.metrics()
  }
  return {
    reading(of, kinds, read) {
      const figures = new Map(
        Object.entries<Kind>(kinds).map(([name, kind]) => [name, figureOf(name, kind, registers)]),
      )
      readings.push(async () => {
        // One that fails before it promises anything is left out, too.
        const reads = async () => await read()
        const told = await reads().catch((error: unknown) => {
          failed(of, error)
          return undefined
        })
        lost.set({ of }, told === undefined ? 1 : 0)
        for (const figure of figures.values()) figure.reset()
        for (const { name, labels = {}, value } of told ?? []) figures.get(name)?.inc(labels, value)
      })
    },
    counter(name, help, labels) {
      const counter = new Counter({ name: prefix + name, help, labelNames: [...labels], registers })
      return (of) => {
        counter.inc(of)
      }
    },
    histogram({ name, help, labels, buckets }) {
      const given = { labelNames: [...labels], buckets: [...buckets], registers }
      const histogram = new Histogram({ name: prefix + name, help, ...given })
      return (of, value) => {
        histogram.observe(of, value)
      }
    },
    text() {
      // Who asks meanwhile gets the same, so that nobody makes the database busy by asking often.
      looking ??= look().finally(() => {
        looking = undefined
      })
      return looking
    },
    contentType: registry.contentType,
  }
}

function figureOf(
  name: string,
  { kind, help, labels = [] }: Kind,
  registers: Registry[],
): Counter | Gauge {
  const given = { name: prefix + name, help, labelNames: [...labels], registers }
  return kind === 'count' ? new Counter(given) : new Gauge(given)
}
