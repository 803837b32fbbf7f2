import type { LockNode } from '../proto/gen/merge/image/v1/resolver.ts'
import {
  field,
  fieldsOf,
  isRecord,
  itemsOf,
  kindOf,
  parseDocument,
  textOf,
  wrong,
  type Part,
} from './document.ts'

/** The nodes of an experiment's model and the images that they want. */
export function parseModel(file: string, text: string): readonly LockNode[] {
  const model = parseDocument(file, text)
  const nodes = field(model, 'nodes')
  if (!isRecord(nodes.value) && !Array.isArray(nodes.value)) {
    const found = isRecord(model.value) ? `nodes is ${kindOf(nodes)}` : `it is ${kindOf(model)}`
    throw wrong(model, `is no model of an experiment, for ${found}: write ${example}`)
  }
  const read = Array.isArray(nodes.value) ? listed(nodes) : named(nodes)
  if (read.length === 0) throw wrong(nodes, 'is empty, and a lock needs at least one node')
  if (read.length > mostNodes) {
    throw wrong(nodes, `has ${read.length} nodes, and a lock has ${mostNodes} at most: make two`)
  }
  return read
}

const mostNodes = 10_000

const example = '{"nodes": {"a": "ubuntu-2404"}}'

/** `{"a": "ubuntu-2404", "b": {"image": "debian-13", "arch": "aarch64"}}` */
function named(nodes: Part): LockNode[] {
  return fieldsOf(nodes).map(([node, part]) =>
    typeof part.value === 'string'
      ? { node, reference: part.value, arch: '' }
      : { node, ...wants(part) },
  )
}

/** `[{"name": "a", "image": "ubuntu-2404"}]` */
function listed(nodes: Part): LockNode[] {
  const first = new Map<string, Part>()
  return itemsOf(nodes).map((part) => {
    const node = textOf(either(part, 'name', 'node'), 'the name of a node')
    const twin = first.get(node)
    if (twin !== undefined) throw wrong(part, `is called "${node}", as ${twin.where} is`)
    first.set(node, part)
    return { node, ...wants(part) }
  })
}

function wants(part: Part): Omit<LockNode, 'node'> {
  const reference = textOf(either(part, 'image', 'reference'), 'a reference to an image')
  const arch = field(part, 'arch')
  return { reference, arch: arch.value === undefined ? '' : textOf(arch, 'an architecture') }
}

/** The field of the one name or of the other, and of one of them only. */
function either(part: Part, name: string, other: string): Part {
  if (!isRecord(part.value)) throw wrong(part, `is ${kindOf(part)}, and a node is an object`)
  const [first, second] = [field(part, name), field(part, other)]
  if (first.value === undefined) return second.value === undefined ? first : second
  if (second.value === undefined) return first
  throw wrong(part, `has both ${name} and ${other}, which are two words for one thing: keep one`)
}
