import { expect, test } from '@jest/globals'
import { openUpstream } from '../../agent/upstream.ts'
import { sha256 } from '../../lib/content/digest.ts'
import { identifyInsecurely } from '../../lib/rpc/caller.ts'
import { insecurely } from '../../lib/rpc/security.ts'
import { mount } from '../../lib/rpc/serve.ts'
import { listen } from '../../lib/rpc/server.ts'
import {
  DiffImagesResponse,
  GetImageResponse,
  ImageServiceService,
  ListDescendantsResponse,
  ListImagesResponse,
  ReleaseImageResponse,
  RenewImageResponse,
  LabelImageResponse,
  ShareImageResponse,
  DeprecateImageResponse,
  RevokeImageResponse,
  HoldBackImageResponse,
  RestoreImageResponse,
  ArchiveImageResponse,
  ExpireImageResponse,
  WatchImageResponse,
  ListImageChangesResponse,
} from '../../proto/gen/merge/image/v1/image.ts'
import { noise } from '../support/chunks.ts'
import { recorder } from '../support/log.ts'

const bytes = noise('manifest', 700_000)
const signal = new AbortController().signal

/** A portal that sends these bytes as every manifest. */
async function sending(manifest: Buffer) {
  const service = mount(
    ImageServiceService,
    {
      getImage: () => Promise.resolve(GetImageResponse.create()),
      listImages: () => Promise.resolve(ListImagesResponse.create()),
      releaseImage: () => Promise.resolve(ReleaseImageResponse.create()),
      getPackages: () => Promise.resolve({ versions: {} }),
      diffImages: () => Promise.resolve(DiffImagesResponse.create()),
      listDescendants: () => Promise.resolve(ListDescendantsResponse.create()),
      renewImage: () => Promise.resolve(RenewImageResponse.create()),
      shareImage: () => Promise.resolve(ShareImageResponse.create()),
      labelImage: () => Promise.resolve(LabelImageResponse.create()),
      deprecateImage: () => Promise.resolve(DeprecateImageResponse.create()),
      revokeImage: () => Promise.resolve(RevokeImageResponse.create()),
      holdBackImage: () => Promise.resolve(HoldBackImageResponse.create()),
      restoreImage: () => Promise.resolve(RestoreImageResponse.create()),
      archiveImage: () => Promise.resolve(ArchiveImageResponse.create()),
      expireImage: () => Promise.resolve(ExpireImageResponse.create()),
      async *watchImage() {
        await Promise.resolve()
        yield WatchImageResponse.create()
      },
      listImageChanges: () => Promise.resolve(ListImageChangesResponse.create()),
      async *getManifest() {
        await Promise.resolve()
        for (let at = 0; at < manifest.length; at += 100_000) {
          yield { part: manifest.subarray(at, at + 100_000) }
        }
      },
    },
    {
      getImage: () => true,
      listImages: () => true,
      releaseImage: () => true,
      getPackages: () => true,
      diffImages: () => true,
      listDescendants: () => true,
      renewImage: () => true,
      shareImage: () => true,
      labelImage: () => true,
      deprecateImage: () => true,
      revokeImage: () => true,
      holdBackImage: () => true,
      restoreImage: () => true,
      archiveImage: () => true,
      expireImage: () => true,
      watchImage: () => true,
      listImageChanges: () => true,
      getManifest: ({ role }) => role.kind === 'agent' && role.facility === 'lab1',
    },
  )
  return listen('127.0.0.1:0', [service], {
    identify: identifyInsecurely,
    log: recorder().log,
    clock: () => 0,
    recognise: (error) => error,
  })
}

test('a manifest is put together from its parts', async () => {
  await using portal = await sending(bytes)
  using upstream = openUpstream(`127.0.0.1:${portal.port}`, insecurely('agent:lab1'))
  expect(bytes.equals(await upstream.manifest(sha256(bytes), signal))).toBe(true)
})

test('a manifest that does not have its digest is not believed', async () => {
  const altered = Buffer.from(bytes)
  altered[650_000] = (altered[650_000] ?? 0) ^ 1
  for (const sent of [altered, bytes.subarray(0, -1), Buffer.alloc(0)]) {
    await using portal = await sending(sent)
    using upstream = openUpstream(`127.0.0.1:${portal.port}`, insecurely('agent:lab1'))
    await expect(upstream.manifest(sha256(bytes), signal)).rejects.toMatchObject({
      kind: 'corrupt',
      reason: 'CHUNK_CORRUPT',
      facts: { digest: sha256(bytes) },
    })
  }
})
