import type { Logger } from 'pino'
import type { Limit } from '../chunks/limit.ts'
import { invalid } from '../failure.ts'
import type { Values } from '../settings.ts'
import { serveOffering, type Shown } from './http.ts'
import { offering, type OfferingDeps } from './offering.ts'
import type { offerSettings } from './settings.ts'

export type OfferSettings = Values<typeof offerSettings>

/** Images that are offered somewhere. */
export interface Offered {
  /** Where. */
  readonly address: string
  readonly keepOn: (signal: AbortSignal) => Promise<void>
}

/** Offers images where the settings say so. */
export async function startOffering(
  settings: OfferSettings,
  deps: OfferingDeps & { readonly limit: Limit; readonly log: Logger },
  stack: AsyncDisposableStack,
): Promise<Offered | undefined> {
  const { offer } = settings
  const shown = shownBy(settings)
  if (offer === undefined) return undefined
  const { log } = deps
  const offered = offering(deps)
  const { port } = stack.use(await serveOffering(offer, shown, { ...deps, offering: offered }))
  const address = offer.replace(/:\d+$/, `:${port}`)
  log.info({ address, tls: shown !== undefined }, 'images are offered')
  if (shown === undefined) {
    log.warn('images are offered over plain HTTP: whoever is in between can change what is read')
  }
  return { address, keepOn: offered.keepOn }
}

function shownBy({ offer, offerCert: cert, offerKey: key }: OfferSettings): Shown | undefined {
  if (offer === undefined && (cert ?? key) !== undefined) {
    throw invalid('INVALID_FIELD', 'Give --offer HOST:PORT: nothing is offered without it.')
  }
  if (cert === undefined && key === undefined) return undefined
  if (cert !== undefined && key !== undefined) return { cert, key }
  throw invalid('INVALID_FIELD', 'Give --offer-cert and --offer-key, or neither.')
}
