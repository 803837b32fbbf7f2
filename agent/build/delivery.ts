import { Failure } from '../../lib/failure.ts'
import type { BuiltImage } from '../../proto/gen/merge/image/v1/upload.ts'
import type { Publisher } from '../publishing.ts'
import type { Bench, Job, Product } from './bench.ts'
import { resultOf } from './checks.ts'
import { Fault } from './fault.ts'
import type { Held } from './holding.ts'
import type { Journal } from './journal.ts'

interface DeliveryDeps {
  readonly bench: Pick<Bench, 'signal' | 'tell'> & { readonly journal: Pick<Journal, 'say'> }
  readonly held: Pick<Held, 'flushed'>
  readonly publisher: Publisher
}

/**
 * Publishes what a build made. Its bytes are stored while it is checked; the image is made once it is known what the checks came
 * to. Whichever of the two fails ends the other.
 */
export async function deliver(
  claim: string,
  job: Pick<Job, 'target' | 'recipe' | 'parent'>,
  product: Product,
  { bench, held, publisher }: DeliveryDeps,
): Promise<void> {
  const { tell, journal } = bench
  const stop = new AbortController()
  const signal = AbortSignal.any([bench.signal, stop.signal])
  const checking = product.check(signal)
  const built = async (): Promise<BuiltImage> => {
    tell({ step: 'waiting for the checks' })
    const checks = (await checking).map(resultOf)
    await held.flushed(signal)
    const { inputs } = product
    return { claim, inputsDigest: inputs === undefined ? '' : `sha256:${inputs}`, checks }
  }
  journal.say('== publishing')
  const publishing = publish(job, product, publisher, { tell, signal, built })
  const each = [checking, publishing].map((one) =>
    one.catch((error: unknown) => {
      stop.abort(error)
      throw error
    }),
  )
  const ends = await Promise.allSettled(each)
  // What failed first is why, and has ended the other.
  if (ends.some(({ status }) => status === 'rejected')) signal.throwIfAborted()
}

interface Way {
  readonly tell: Bench['tell']
  readonly signal: AbortSignal
  readonly built: () => Promise<BuiltImage>
}

async function publish(
  { target, recipe, parent }: Pick<Job, 'target' | 'recipe' | 'parent'>,
  { files, packages }: Product,
  publisher: Publisher,
  { tell, signal, built }: Way,
): Promise<void> {
  const publication = {
    ...{ target, files, packages, notes: recipe.notes, parent: parent?.name ?? '' },
    labels: recipe.labels ?? {},
    ...{ mostBytes: recipe.sizeBytes, release: false, days: 0, shared: false },
  }
  const news = {
    progress: ({ readBytes, totalBytes }: { readBytes: number; totalBytes: number }) => {
      tell({ step: 'publishing', done: readBytes, total: totalBytes })
    },
    built,
  }
  try {
    await publisher.publish(publication, news, signal)
  } catch (error) {
    if (!(error instanceof Failure) || signal.aborted || error.reason === 'BUILD_LOST') throw error
    throw new Fault('PUBLISH', error.message, error)
  }
}
