import type { Lock } from '../../proto/gen/merge/image/v1/resolver.ts'
import { byName } from './nodes.ts'
import type { LockRow, PinRow } from './queries.ts'

/** A lock as it is sent, its nodes by name. */
export function renderLock(row: LockRow, pins: readonly PinRow[]): Lock {
  const nodes = byName(pins).map(({ node, reference, arch, image, digest }) => ({
    node,
    reference,
    arch,
    image,
    digest: `sha256:${digest}`,
  }))
  return { ...row, nodes }
}
