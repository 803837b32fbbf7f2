/** What keys are made for and certificates signed with: ECDSA on P-256, which every TLS library takes. */
export const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
