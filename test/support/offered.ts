import { request as plain } from 'node:http'
import { createHash } from 'node:crypto'
import { verifier } from '../../lib/workers/verifier.ts'
import { cutSegment, joinExtents, segmentBytes } from '../../lib/content/extents.ts'
import { chunkEncoder } from '../../lib/content/codec.ts'
import type { Pool } from '../../lib/workers/pool.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { chunksOf, type Extents } from '../../lib/content/extents.ts'
import { memoryStore } from '../lib/images/memory.ts'
import { noise } from './chunks.ts'
import { until } from './daemon.ts'

/** Some 2 MB with every kind of chunk in it: holes, noise, text, the same again, and an end within a cluster and a sector. */
export function mixedDisk(seed = 'disk'): Buffer {
  const text = Buffer.from('all images are equal. '.repeat(20_000))
  const random = noise(seed, 300_000)
  const parts = [
    random,
    Buffer.alloc(700_000),
    text,
    random,
    Buffer.alloc(200_000),
    noise(`${seed}2`, 77),
  ]
  return Buffer.concat(parts)
}

/** A store of a disk's chunks, and what a reader of forms takes. */
export function storedDisk(data: Buffer, pool: Pool) {
  const parts: Extents[] = []
  for (let at = 0; at < data.length; at += segmentBytes) {
    parts.push(cutSegment(data.subarray(at, at + segmentBytes)))
  }
  const extents = joinExtents(parts)
  const store = memoryStore()
  const compress = chunkEncoder()
  for (const { digest, offset, length } of chunksOf(extents)) {
    const { codec, bytes } = compress(data.subarray(offset, offset + length))
    const entry = { digest, codec, storedBytes: bytes.length, rawBytes: length }
    store.chunks.set(digest, { entry, stored: Uint8Array.from(bytes) })
  }
  return { extents, store, deps: { store, pool, verify: verifier(pool) } }
}

export interface Asked {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Asks as it is written, without a client that makes the path a clean one first. */
export function ask(
  address: string,
  path: string,
  { method = 'GET', headers = {}, body = '' } = {},
): Promise<Asked> {
  const { promise, resolve, reject } = Promise.withResolvers<Asked>()
  const [host = '', port = ''] = address.split(':')
  const asked = plain({ host, port, path, method, headers, agent: false }, (answer) => {
    const parts: Buffer[] = []
    answer.on('data', (part: Buffer) => parts.push(part))
    answer.on('error', reject)
    answer.on('end', () => {
      const { statusCode: status = 0, headers: given } = answer
      resolve({ status, headers: given, body: Buffer.concat(parts) })
    })
  })
  asked.on('error', reject)
  asked.end(body)
  return promise
}

export async function askJson<T>(address: string, path: string): Promise<T> {
  return JSON.parse((await ask(address, path)).body.toString()) as T
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256(bytes)}`
}

export function hexOf(...parts: readonly Uint8Array[]): string {
  const sum = createHash('sha256')
  for (const part of parts) sum.update(part)
  return sum.digest('hex')
}

/** Resolves once images are on offer. */
export async function untilOffered(address: string, ...images: readonly string[]): Promise<void> {
  await until('what is on offer', async () => {
    const listed = await listing(address)
    return images.every((image) => listed.includes(`"${image}"`))
  })
}

/** Resolves once an image is not. */
export async function untilNotOffered(address: string, image: string): Promise<void> {
  await until('a shorter list', async () => !(await listing(address)).includes(`"${image}"`))
}

async function listing(address: string): Promise<string> {
  return (await ask(address, '/streams/v1/images.json')).body.toString()
}
