import type { ReasonName } from '../lib/failure.ts'
import type { Command, Flags } from './command.ts'

/** One of the tools: its commands, and the server that they talk to. */
export interface Program {
  readonly name: string
  readonly about: string
  readonly server: {
    /** The flag that says where it is. */
    readonly flag: string
    readonly value: string
    readonly about: string
    /** The variable of the environment that says so where no flag does. */
    readonly variable: string
    readonly fallback: string
    readonly address: (value: string) => string
    /** Whether it wants to know who calls; else opening its socket is proof enough. */
    readonly identifies: boolean
  }
  readonly commands: readonly Command[]
  /** What to do about failures that mean something else here than elsewhere. */
  readonly hints: Readonly<Partial<Record<ReasonName, string>>>
}

export const callerVariable = 'MERGE_DEV_CALLER'

const identityFlags: Flags = {
  'tls-cert': { value: 'FILE', about: 'your certificate (MERGE_IMAGE_TLS_CERT)' },
  'tls-key': { value: 'FILE', about: 'its key (MERGE_IMAGE_TLS_KEY)' },
  'tls-ca': { value: 'FILE', about: "the portal's authority (MERGE_IMAGE_TLS_CA)" },
  'token-file': {
    value: 'FILE',
    about: 'a token rather than a certificate (MERGE_IMAGE_TOKEN_FILE)',
  },
  caller: {
    value: 'WHO',
    about: `who calls, in the development mode (${callerVariable}; admin)`,
  },
}

/** The options of every command. */
export function commonFlags({ server }: Program): Flags {
  const { flag, value, about, variable, fallback } = server
  return {
    [flag]: { value, about: `${about} (${variable}; ${fallback})` },
    ...(server.identifies ? identityFlags : {}),
    json: { about: 'print one JSON document, and errors as JSON' },
    help: { about: 'explain the tool or a command' },
  }
}
