import type { Logger } from 'pino'
import { invalid } from '../failure.ts'

/** The mode without TLS: nobody gets into it by accident, or reaches it from elsewhere. */
export function demandDevelopment(
  insecureDev: boolean,
  listen: string | undefined,
  log: Logger,
): void {
  if (!insecureDev) {
    throw invalid(
      'INVALID_FIELD',
      'Give --tls-cert, --tls-key and --tls-ca (docs/security.md), or pass --insecure-dev to run without TLS and without checking who calls, on this machine only.',
    )
  }
  if (listen !== undefined && !/^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/.test(listen)) {
    throw invalid(
      'INVALID_FIELD',
      `--insecure-dev answers on this machine only: listen on 127.0.0.1, not ${listen}.`,
    )
  }
  log.warn('INSECURE DEVELOPMENT MODE: no TLS, and every caller is whoever it says it is')
}
