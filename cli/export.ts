import { availableParallelism } from 'node:os'
import { chunkPlane } from '../lib/chunks/plane.ts'
import { remoteSource } from '../lib/chunks/remote.ts'
import { parseDigest } from '../lib/content/digest.ts'
import { decodeManifest } from '../lib/content/encoding.ts'
import { precondition } from '../lib/failure.ts'
import { fetchedManifest } from '../lib/images/fetched.ts'
import { aboutOf } from '../lib/portable/about.ts'
import { type PortableImage, writePortable } from '../lib/portable/write.ts'
import { connect } from '../lib/rpc/connect.ts'
import { startPool } from '../lib/workers/pool.ts'
import { verifier } from '../lib/workers/verifier.ts'
import { ImageStorage, type Image } from '../proto/gen/merge/image/v1/image.ts'
import { LocalServiceService } from '../proto/gen/merge/image/v1/local.ts'
import { command, type Context } from './command.ts'
import { exactName, present } from './find.ts'
import { images } from './images.ts'
import { exportAbout, exported, exportFlags } from './portable.ts'

/** From the portal. */
export const exportImage = command({
  verb: 'export',
  object: 'image',
  summary: 'write an image to one portable file, for another portal, a facility or the years',
  arguments: ['IMAGE', '[FILE]'],
  flags: exportFlags,
  about: exportAbout,
  examples: [
    'export debian-13.1-std-x86-20260615',
    'export debian paper-artifact.image.tar',
    'export fedora -',
  ],
  async run(context, [reference, file], { force }) {
    const { channel, signal } = context
    const name = await exactName(context, reference)
    const { image: found } = await images(context).getImage({ name }, { signal })
    const image = demandThere(present(found))
    const portable = await describe(context, image)
    const source = remoteSource(connect(chunkPlane, channel))
    await using pool = startPool(availableParallelism())
    const parts = writePortable(portable, source, verifier(pool), signal)
    return await exported(context, image, parts, {
      file,
      ...(force === undefined ? {} : { force }),
    })
  },
})

/** From a facility's own store. */
export const exportHere = command({
  verb: 'export',
  object: 'image',
  summary: 'write an image that is here to one portable file',
  arguments: ['REF', '[FILE]'],
  flags: exportFlags,
  about: `${exportAbout}\nThe portal is not asked, so the list of packages is not in it.`,
  examples: ['export lab1/debian-13-mytools', 'export fedora /media/disk/fedora.image.tar'],
  async run(context, [reference, file], { force }) {
    const { channel, signal } = context
    const local = connect(LocalServiceService, channel)
    const messages = local.export({ reference }, { signal })[Symbol.asyncIterator]()
    const first = await messages.next()
    const image = present(first.done === true ? undefined : first.value.image)
    async function* parts(): AsyncGenerator<Uint8Array> {
      for (;;) {
        const next = await messages.next()
        if (next.done === true) return
        yield next.value.part
      }
    }
    return exported(context, image, parts(), { file, ...(force === undefined ? {} : { force }) })
  },
})

function demandThere(image: Image): Image {
  const { name, storage, custom } = image
  if (storage === ImageStorage.IMAGE_STORAGE_EXPIRED) {
    throw precondition('EXPIRED', `${name} has expired and its bytes are gone.`, { name })
  }
  if (storage === ImageStorage.IMAGE_STORAGE_ARCHIVED) {
    const text = `The bytes of ${name} are in the archive: "mrg-image restore ${name}" brings them back.`
    throw precondition('ARCHIVED', text, { name })
  }
  if (custom === undefined) return image
  const text = `The bytes of ${name} are at ${custom.facility} and not at the portal: "mrs-image export ${name}" there.`
  throw precondition('WRONG_STATE', text, { name, state: 'custom' })
}

async function describe(context: Context, image: Image): Promise<PortableImage> {
  const { signal } = context
  const { name, parent } = image
  const digest = parseDigest(image.digest)
  const parts = images(context).getManifest({ digest: image.digest }, { signal })
  const manifest = await fetchedManifest(parts, digest, 'The portal')
  const { versions } = await images(context).getPackages({ name }, { signal })
  const made =
    parent === '' ? undefined : await images(context).getImage({ name: parent }, { signal })
  const about = aboutOf(image, {
    manifest: decodeManifest(manifest),
    parentDigest: made?.image?.digest ?? '',
    packages: Object.keys(versions)
      .sort()
      .map((package_) => ({ name: package_, version: versions[package_] ?? '' })),
  })
  return { about, manifest }
}
