import { open } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { type Failure, precondition } from '../../lib/failure.ts'
import { readFault } from '../../lib/workers/faults.ts'

/** What a server is told to let the agent in. */
export type Credential = (
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
) & {
  /** Registries that send there for their tokens, by origin; without a word of them only the server itself may. */
  readonly for?: readonly string[] | undefined
}

/** The credential for a scheme, host and port; nobody else ever gets it. */
export type Credentials = (url: URL) => Credential | undefined

export const noCredentials: Credentials = () => undefined

const secret = z.string().regex(/^[\x20-\x7e]{1,8192}$/, 'is empty, or has characters beyond ASCII')

const ours = /^(host|connection|content-length|transfer-encoding|range|if-range|accept-encoding)$/i

const origin = z
  .string()
  .refine(isOrigin, 'must be scheme, host and port only, as in https://registry.example:5000')

const paired = { for: z.array(origin).max(100).optional() }

const credential = z.union(
  [
    z
      .strictObject({ basic: z.strictObject({ user: secret, password: secret }), ...paired })
      .transform(({ basic, ...pair }): Credential => ({ kind: 'basic', ...basic, ...pair })),
    z.strictObject({ bearer: secret, ...paired }).transform(({ bearer, ...pair }): Credential => ({
      ...{ kind: 'header', name: 'authorization' },
      value: `Bearer ${bearer}`,
      ...pair,
    })),
    z
      .strictObject({
        header: z.strictObject({
          name: z
            .string()
            .regex(/^[A-Za-z0-9-]{1,64}$/)
            .refine((name) => !ours.test(name)),
          value: secret,
        }),
        ...paired,
      })
      .transform(({ header, ...pair }): Credential => ({ kind: 'header', ...header, ...pair })),
  ],
  'must have one of `basic` (user, password), `bearer`, or `header` (name, value)',
)

const file = z.record(origin, credential)

/** Reads the file of the agent's owner, YAML or JSON. What is wrong is told without a word of what it holds. */
export async function readCredentials(path: string): Promise<Credentials> {
  const known = new Map(Object.entries(parsed(path, await textOf(path))))
  return ({ origin }) => known.get(origin)
}

/** The header that carries it. */
export function headerOf(credential: Credential): readonly [name: string, value: string] {
  if (credential.kind === 'header') return [credential.name.toLowerCase(), credential.value]
  const { user, password } = credential
  return ['authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`]
}

async function textOf(path: string): Promise<string> {
  try {
    await using handle = await open(path)
    const { mode } = await handle.stat()
    if ((mode & 0o077) !== 0) {
      const advice = `take that right from them with \`chmod 600 ${path}\``
      throw precondition('UNREADABLE', `others can read ${path}: ${advice}`, { path })
    }
    return await handle.readFile('utf8')
  } catch (error) {
    throw readFault(path, error)
  }
}

function parsed(path: string, text: string): Readonly<Record<string, Credential>> {
  const tree = treeOf(path, text)
  const read = file.safeParse(tree)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const where = String(issue?.path[0] ?? 'it')
  // What stands where an origin should be may be anything, a password too.
  const what = isOrigin(where) ? `${where} ${issue?.message ?? 'is wrong'}` : notOrigins
  throw unreadable(path, what)
}

const notOrigins =
  'each name must be scheme, host and port only, as in https://registry.example:5000'

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

/** The parser's own message would show the line. */
function treeOf(path: string, text: string): unknown {
  try {
    return parse(text, { prettyErrors: false, logLevel: 'error' })
  } catch {
    throw unreadable(path, 'it is neither YAML nor JSON')
  }
}

function unreadable(path: string, what: string): Failure {
  const text = `${path} is not as credentials are written: ${what}`
  return precondition('UNREADABLE', text, { path })
}
