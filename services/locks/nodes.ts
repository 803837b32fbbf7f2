import { Failure, invalid } from '../../lib/failure.ts'

export const mostNodes = 10_000

/** 255 characters, and none of those that would break a line or a table. */
const nodePattern = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,255}$/u

interface Named {
  readonly node: string
}

/** The nodes of a new lock, by name, each name once. */
export function parseNodes<N extends Named>(nodes: readonly N[]): readonly N[] {
  if (nodes.length === 0) throw wrong('A lock needs at least one node.')
  demandFew(nodes)
  const sorted = byName(nodes)
  const odd = sorted.find(({ node }) => !nodePattern.test(node))
  if (odd !== undefined) {
    const why = 'a name has 1 to 255 characters, and none of them is a control character'
    throw wrong(`${JSON.stringify(cut(odd.node))} is no name of a node: ${why}.`, odd.node)
  }
  const twin = sorted.find(({ node }, i) => node === sorted[i + 1]?.node)
  if (twin !== undefined) {
    const why = 'each node of a lock has a name of its own'
    throw wrong(`There are two nodes "${cut(twin.node)}": ${why}.`, twin.node)
  }
  return sorted
}

/** As many as one lock may have. */
export function demandFew(nodes: readonly unknown[]): void {
  if (nodes.length <= mostNodes) return
  throw wrong(`A lock has ${mostNodes} nodes at most, and these are ${nodes.length}: make two.`)
}

/** In the order of code units, which is the same everywhere. */
export function byName<N extends Named>(nodes: readonly N[]): readonly N[] {
  return nodes.toSorted((a, b) => (a.node < b.node ? -1 : Number(a.node > b.node)))
}

/** The failure of the first of these nodes, which says how many others there are. */
export function failureOf(node: string, failure: Failure, others: number): Failure {
  const { kind, reason, message, facts } = failure
  const more =
    others === 0 ? '' : `; ${others} other ${others === 1 ? 'node fails' : 'nodes fail'} too`
  const text = `Node "${cut(node)}": ${message.replace(/\.$/, '')}${more}.`
  return new Failure(kind, reason, text, { ...facts, node }, failure)
}

function wrong(message: string, node?: string): Failure {
  return invalid('INVALID_FIELD', message, {
    field: 'nodes',
    ...(node === undefined ? {} : { node }),
  })
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
