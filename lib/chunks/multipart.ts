import { type FileHandle, open } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { fileChanged } from '../workers/faults.ts'
import type { S3 } from './s3.ts'
import { together } from './together.ts'

/** An object of a bucket. */
export interface ObjectPlace {
  readonly Bucket: string
  readonly Key: string
}

interface Part {
  readonly PartNumber: number
  readonly ETag: string | undefined
}

/** At most 10,000 parts, each of 5 MiB at least (Amazon S3 User Guide, "Amazon S3 multipart upload limits"). */
function partBytesOf(sizeBytes: number): number {
  return Math.max(16 * 1024 * 1024, Math.ceil(sizeBytes / 9_000))
}

const partsAtOnce = 4

/**
 * Puts a file in parts: under its key it is whole or not at all, and what failed leaves no parts behind, nor what a crash left of the same
 * key. Not by @aws-sdk/lib-storage, whose requests go on when it is aborted, and are tried again by a rule of their own.
 */
export async function putInParts(
  s3: S3,
  place: ObjectPlace,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const partBytes = partBytesOf(size)
  const count = Math.max(1, Math.ceil(size / partBytes))
  await endOpenUploads(s3, place, signal)
  const upload = { ...place, UploadId: await begin(s3, place) }
  try {
    signal.throwIfAborted()
    const numbers = Array.from({ length: count }, (_, i) => i + 1).values()
    const parts: Part[] = []
    const send = async (stop: AbortSignal): Promise<void> => {
      for (const PartNumber of numbers) {
        const offset = (PartNumber - 1) * partBytes
        const body = await readPart(file, path, offset, Math.min(partBytes, size - offset))
        const purpose = { operation: 'PutObject', bytes: body.length, signal: stop } as const
        const command = new UploadPartCommand({ ...upload, PartNumber, Body: body })
        const { ETag } = await s3.ask(purpose, (by) => s3.client.send(command, by))
        parts.push({ PartNumber, ETag })
      }
    }
    await together((stop) => Array.from({ length: partsAtOnce }, () => send(stop)), signal)
    parts.sort((a, b) => a.PartNumber - b.PartNumber)
    const done = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: parts },
    })
    const purpose = { operation: 'PutObject', bytes: 0, signal } as const
    await s3.ask(purpose, (by) => s3.client.send(done, by))
  } catch (error) {
    await end(s3, upload).catch(() => undefined)
    throw error
  }
}

/** Ends the uploads of a key that a crash left open: their parts take room that no listing shows. */
async function endOpenUploads(
  s3: S3,
  { Bucket, Key: wanted }: ObjectPlace,
  signal: AbortSignal,
): Promise<void> {
  const purpose = { operation: 'ListBucket', bytes: 0, signal } as const
  const list = new ListMultipartUploadsCommand({ Bucket, Prefix: wanted })
  const { Uploads = [] } = await s3.ask(purpose, (by) => s3.client.send(list, by))
  for (const { Key, UploadId } of Uploads) {
    if (Key === wanted && UploadId !== undefined) await end(s3, { Bucket, Key, UploadId })
  }
}

/** To its end, even if nobody wants it any more: an upload whose id is not known cannot be ended. */
async function begin(s3: S3, place: ObjectPlace): Promise<string> {
  const purpose = { operation: 'PutObject', bytes: 0, signal: undefined } as const
  const command = new CreateMultipartUploadCommand(place)
  const { UploadId = '' } = await s3.ask(purpose, (by) => s3.client.send(command, by))
  return UploadId
}

async function end(s3: S3, upload: ObjectPlace & { readonly UploadId: string }): Promise<void> {
  const purpose = { operation: 'PutObject', bytes: 0, signal: undefined } as const
  const command = new AbortMultipartUploadCommand(upload)
  await s3.ask(purpose, (by) => s3.client.send(command, by))
}

async function readPart(
  file: FileHandle,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset)
  if (bytesRead < length) throw fileChanged(path)
  return buffer
}
