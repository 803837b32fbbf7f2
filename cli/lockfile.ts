import type { Lock, LockedNode } from '../proto/gen/merge/image/v1/resolver.ts'
import { field, itemsOf, parseDocument, readText, textOf, wrong, type Part } from './document.ts'

export const lockName = 'images.lock'

const version = 1

/** What a lock file says, as docs/locks.md describes it. */
export interface LockFile {
  readonly id: string
  readonly nodes: LockedNode[]
}

/** The text of a lock file: the same for the same lock, wherever and whenever it is written. */
export function renderLockFile({ id, generation, createTime, nodes }: Lock): string {
  const document = {
    version,
    lock: id,
    generation: Number(generation),
    time: createTime?.toISOString() ?? '',
    nodes: nodes.map(({ node, reference, arch, image, digest }) => {
      return { node, reference, arch, image, digest }
    }),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

export async function readLockFile(file: string): Promise<LockFile> {
  const text = await readText(file)
  return parseLockFile(file, text)
}

export function parseLockFile(file: string, text: string): LockFile {
  const document = parseDocument(file, text)
  const { value } = field(document, 'version')
  if (value === undefined) {
    throw wrong(document, 'is no lock, for it has no version: `mrg-image lock MODEL` makes one')
  }
  if (value !== version) {
    const given = JSON.stringify(value)
    throw wrong(document, `is a lock of version ${given}, and this tool reads version ${version}`)
  }
  const nodes = itemsOf(field(document, 'nodes'))
  if (nodes.length === 0) throw wrong(document, 'has no nodes')
  return { id: textOf(field(document, 'lock'), 'the id of a lock'), nodes: nodes.map(lockedNode) }
}

function lockedNode(part: Part): LockedNode {
  const text = (name: keyof LockedNode, what: string): string => {
    const given = field(part, name)
    if (given.value === undefined) throw wrong(given, 'is missing: is the file as it was written?')
    return textOf(given, what)
  }
  return {
    node: text('node', 'the name of a node'),
    reference: text('reference', 'a reference to an image'),
    arch: text('arch', 'an architecture'),
    image: text('image', 'the name of an image'),
    digest: text('digest', 'a digest'),
  }
}
