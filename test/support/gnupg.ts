import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

/** GnuPG with keys of its own. */
export interface GnuPG extends AsyncDisposable {
  /** The public keys, armored: of who signs, and of somebody else. */
  readonly key: string
  readonly other: string
  /** Signs a file into another one. */
  sign(from: string, to: string, ...how: readonly string[]): Promise<void>
}

export async function startGnuPG(): Promise<GnuPG> {
  await using stack = new AsyncDisposableStack()
  const home = stack.use(await temporaryFolder())
  stack.defer(async () => {
    await run('gpgconf', ['--homedir', home.path, '--kill', 'all'])
  })
  const gpg = async (...args: readonly string[]): Promise<string> => {
    const usual = ['--homedir', home.path, '--batch', '--yes', '--pinentry-mode', 'loopback']
    const { stdout } = await run('gpg', [...usual, '--passphrase', '', ...args])
    return stdout
  }
  for (const name of ['builder', 'stranger']) {
    await gpg('--quick-generate-key', `${name}@images.example`, 'ed25519', 'sign', '1y')
  }
  const key = await gpg('--armor', '--export', 'builder')
  const other = await gpg('--armor', '--export', 'stranger')
  const owned = stack.move()
  return {
    ...{ key, other },
    async sign(from, to, ...how) {
      await gpg('--local-user', 'builder', ...how, '--output', to, from)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
