import type { Settings } from '../settings.ts'
import { address, text } from '../upkeep.ts'

/** Where images are offered to whoever can reach that. */
export const offerSettings = {
  offer: {
    about:
      'where images are offered as simplestreams and OCI artifacts, to read only and to anybody (docs/offered.md); not at all if not given',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  offerCert: {
    about: 'the certificate that is shown there, in PEM; plain HTTP if not given',
    value: 'FILE',
    schema: text.optional(),
  },
  offerKey: { about: 'its key, in PEM', value: 'FILE', schema: text.optional() },
} satisfies Settings
