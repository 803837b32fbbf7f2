import type { CommitUploadRequest } from '../../proto/gen/merge/image/v1/upload.ts'
import { encodeManifest } from '../content/encoding.ts'
import type { Manifest } from '../content/manifest.ts'

export type CommitHeading = Extract<CommitUploadRequest['message'], { $case: 'header' }>['value']

const partBytes = 256 * 1024

/** The messages of a commit: what to do, then the manifest's canonical bytes. */
// eslint-disable-next-line @typescript-eslint/require-await -- what a client streams is an async iterable
export async function* commitMessages(
  value: CommitHeading,
  manifest: Manifest,
): AsyncGenerator<CommitUploadRequest> {
  yield { message: { $case: 'header', value } }
  const encoded = encodeManifest(manifest)
  for (let at = 0; at < encoded.length; at += partBytes) {
    yield { message: { $case: 'part', value: encoded.subarray(at, at + partBytes) } }
  }
}
