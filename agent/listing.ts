import type { LocalImage } from '../proto/gen/merge/image/v1/local.ts'
import { replicas } from './report.ts'
import type { SyncDeps } from './sync.ts'

/** Every image that is wanted or here, with how it stands, newest first. */
export function localImages(
  deps: Pick<SyncDeps, 'state' | 'images' | 'usage' | 'clock' | 'now'>,
): LocalImage[] {
  const { state, images, usage } = deps
  const present = images.present()
  const wanted = state.desired.images.flatMap(({ image }) => image ?? [])
  const byName = new Map([...wanted, ...present].map((image) => [image.name, image]))
  return replicas(state, present, deps, usage.last())
    .map((replica) => ({ image: byName.get(replica.image), replica: { ...replica } }))
    .sort((a, b) => Number(b.image?.createTime) - Number(a.image?.createTime))
}
