import { chmod, readFile, rm } from 'node:fs/promises'
import { invalid } from '../lib/failure.ts'
import type { Gate, Mounted } from '../lib/rpc/serve.ts'
import type { Security } from '../lib/rpc/security.ts'
import { listen, type Listening } from '../lib/rpc/server.ts'

const descriptorFile = new URL('../proto/gen/descriptors.binpb', import.meta.url)
/** What the kernel takes as the address of a unix socket. */
const maxSocketPath = 107

/** Answers other facilities on `host:port`. */
export async function servePeers(
  address: string,
  service: Mounted,
  gate: Gate,
  { server, identify }: Security,
): Promise<Listening> {
  const descriptors = await readFile(descriptorFile)
  return listen(address, [service], { ...gate, identify }, descriptors, server('certificates'))
}

/** Answers `mrs-image` on a unix socket that only this user may open; what a predecessor left there is replaced. */
export async function serveSocket(
  path: string,
  services: readonly Mounted[],
  gate: Gate,
): Promise<Listening> {
  if (Buffer.byteLength(path) > maxSocketPath) {
    throw invalid(
      'INVALID_FIELD',
      `${path} is too long for a socket (${maxSocketPath} bytes at most): give a shorter one with --socket.`,
    )
  }
  await rm(path, { force: true })
  const before = process.umask(0o177)
  try {
    const listening = await listen(`unix:${path}`, services, gate, await readFile(descriptorFile))
    await chmod(path, 0o600)
    return listening
  } finally {
    process.umask(before)
  }
}
