import { isAbsolute } from 'node:path'
import { invalid } from '../lib/failure.ts'
import { containers } from '../lib/images/format.ts'
import { mostUnpackedBytes, type InputFile } from '../lib/images/input.ts'
import { reporting } from '../lib/images/reporting.ts'
import type { PushRequest, PushResponse } from '../proto/gen/merge/image/v1/local.ts'
import type { Publication, Publisher } from './publishing.ts'

/** Makes an image of the facility's own of files, and tells how it goes; the last that it tells is the image. */
export async function* pushImage(
  request: PushRequest,
  { facility, publisher }: { readonly facility: string; readonly publisher: Publisher },
  signal: AbortSignal,
): AsyncGenerator<PushResponse> {
  const publication = readPush(request, facility)
  let last: PushResponse = { readBytes: 0n, totalBytes: 0n, newBytes: 0n, image: undefined }
  await using steps = reporting<PushResponse, PushResponse>(async (report, stop) => {
    const news = {
      progress: (at: { readBytes: number; totalBytes: number; newRawBytes: number }) => {
        last = {
          readBytes: BigInt(at.readBytes),
          totalBytes: BigInt(at.totalBytes),
          newBytes: BigInt(at.newRawBytes),
          image: undefined,
        }
        report(last)
      },
      built: () => Promise.resolve(undefined),
    }
    const image = await publisher.publish(publication, news, stop)
    return { ...last, image }
  }, signal)
  for (;;) {
    const step = await steps.next()
    yield step.value
    if (step.done === true) return
  }
}

function readPush(request: PushRequest, facility: string): Publication {
  const { target, rootfs, format, kernel, initramfs, maxBytes, candidate, ...same } = request
  const container = containers.find((known) => known === format)
  if (format !== '' && container === undefined) {
    throw wrong('format', `there is no format "${format}": write ${containers.join(', ')}`)
  }
  const root = { kind: 'rootfs', path: absolute('rootfs', rootfs) } as const
  const boot = Object.entries({ kernel, initramfs }).flatMap(([kind, path]): InputFile[] =>
    path === '' ? [] : [{ kind: kind as 'kernel' | 'initramfs', path: absolute(kind, path) }],
  )
  return {
    ...same,
    target: target.includes('/') ? target : `${facility}/${target}`,
    files: [container === undefined ? root : { ...root, container }, ...boot],
    mostBytes: maxBytes === 0n ? mostUnpackedBytes : Number(maxBytes),
    release: !candidate,
  }
}

function absolute(field: string, path: string): string {
  if (isAbsolute(path)) return path
  throw wrong(field, `"${path}" is no absolute path`)
}

function wrong(field: string, why: string) {
  return invalid('INVALID_FIELD', `${field}: ${why}.`, { field })
}
