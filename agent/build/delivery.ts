import { Failure } from '../../lib/failure.ts'
import type { BuiltImage } from '../../proto/gen/merge/image/v1/upload.ts'
import type { Publisher } from '../publishing.ts'
import type { Bench, Job, Product } from './bench.ts'
import type { Ending } from './attending.ts'
import { resultOf, type Verdict } from './checks.ts'
import { Fault } from './fault.ts'
import type { Held } from './holding.ts'
import type { Journal } from './journal.ts'

interface DeliveryDeps {
  readonly bench: Pick<Bench, 'signal' | 'tell'> & { readonly journal: Pick<Journal, 'say'> }
  readonly held: Pick<Held, 'flushed'>
  readonly publisher: Publisher
}

/**
 * Publishes what a build made, while it is checked. The image is made once its bytes are stored, with what is known of it by then;
 * answers what ends the build, if checks went on after that. Whichever fails, publishing or checking, ends the other.
 */
export async function deliver(
  claim: string,
  job: Pick<Job, 'target' | 'recipe' | 'parent'>,
  product: Product,
  { bench, held, publisher }: DeliveryDeps,
): Promise<Ending | undefined> {
  const { tell, journal } = bench
  const stop = new AbortController()
  const signal = AbortSignal.any([bench.signal, stop.signal])
  const looking = product.look(signal)
  const stored = Promise.withResolvers<undefined>()
  const checking = looking.then(() => product.tryOut(stored.promise, signal))
  let told: readonly Verdict[] = []
  const built = async (): Promise<BuiltImage> => {
    stored.resolve(undefined)
    const looked = await looking
    // What is known by now: nothing of a boot that goes on.
    const booted = await Promise.race([checking, Promise.resolve(undefined)])
    told = booted === undefined ? [] : [booted]
    await held.flushed(signal)
    const { inputs } = product
    return {
      claim,
      inputsDigest: inputs === undefined ? '' : `sha256:${inputs}`,
      checks: [...looked, ...told].map(resultOf),
      checksFollow: told.length === 0,
    }
  }
  journal.say('== publishing')
  const publishing = publish(job, product, publisher, { tell, signal, built }).then((image) => {
    if (told.length > 0) return
    journal.say(`${image} is there, as a candidate; it is checked further`)
    tell({ step: 'checking the image' })
  })
  const each = [checking, publishing].map((one) =>
    one.catch((error: unknown) => {
      stop.abort(error)
      stored.resolve(undefined)
      throw error
    }),
  )
  const ends = await Promise.allSettled(each)
  // What failed first is why, and has ended the other.
  if (ends.some(({ status }) => status === 'rejected')) signal.throwIfAborted()
  if (told.length > 0) return undefined
  return { $case: 'made', value: { checks: [resultOf(await checking)] } }
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
): Promise<string> {
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
    const { name } = await publisher.publish(publication, news, signal)
    return name
  } catch (error) {
    if (!(error instanceof Failure) || signal.aborted || error.reason === 'BUILD_LOST') throw error
    throw new Fault('PUBLISH', error.message, error)
  }
}
