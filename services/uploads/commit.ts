import { invalid } from '../../lib/failure.ts'
import type { CommitHeader, CommitUploadRequest } from '../../proto/gen/merge/image/v1/upload.ts'

/** Enough for an image of some two million chunks, or 120 GB of data. */
const maxManifestBytes = 64 * 1024 * 1024

/** The header of a commit and the bytes of its manifest. */
export async function gatherCommit(
  messages: AsyncIterable<CommitUploadRequest>,
): Promise<{ readonly header: CommitHeader; readonly bytes: Buffer }> {
  let header: CommitHeader | undefined
  const parts: Buffer[] = []
  let size = 0
  for await (const { message } of messages) {
    if (message?.$case === 'header' && header === undefined) header = message.value
    else if (message?.$case === 'part' && header !== undefined) {
      size += message.value.length
      if (size > maxManifestBytes)
        throw malformed(`the manifest has over ${maxManifestBytes} bytes`)
      parts.push(message.value)
    } else throw malformed('the first message is the header, the others are parts')
  }
  if (header === undefined) throw malformed('it has no header')
  return { header, bytes: Buffer.concat(parts) }
}

function malformed(why: string) {
  return invalid('INVALID_FIELD', `This is no commit: ${why}.`, { field: 'message' })
}
