import { chunksOf, type Extents, totalBytes } from '../content/extents.ts'
import { type Body, zeros } from './body.ts'
import { type Range, type ReadDeps, readRanges } from './raw.ts'

const clusterBits = 16
const clusterBytes = 2 ** clusterBits
/** Entries of eight bytes in a table of one cluster. */
const tableEntries = clusterBytes / 8
/** Counts of two bytes in a block of one cluster. */
const countEntries = clusterBytes / 2
/** The cluster is nobody else's, and may be written to. */
const copied = 1n << 63n

/** A file as a qcow2 of version 3 that has a cluster for whatever is no hole; the same file always gives the same bytes. */
export function qcow2Body(extents: Extents, deps: ReadDeps): Body {
  const { head, ranges, dataBytes } = qcow2Layout(extents)
  const sizeBytes = head.length + dataBytes
  const inFile = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  return {
    sizeBytes,
    async *read(start, end, signal) {
      if (start < head.length) yield head.subarray(start, end)
      const data = { start: Math.max(start - head.length, 0), end: end - head.length }
      if (data.start < data.end) {
        yield* readRanges(extents, within(ranges, data), deps, signal)
        // The file may end within its last cluster.
        yield* zeros(Math.max(data.end - Math.max(data.start, inFile), 0))
      }
    },
  }
}

/** What comes before the data, and which ranges of the file are the data. */
export function qcow2Layout(extents: Extents) {
  const clusters = dataClusters(extents)
  const sizeBytes = totalBytes(extents)
  const count = clusters.reduce((sum, { start, end }) => sum + end - start, 0)
  const ranges = clusters.map(({ start, end }) => ({
    start: start * clusterBytes,
    end: Math.min(end * clusterBytes, sizeBytes),
  }))
  return { head: headOf(clusters, count, sizeBytes), ranges, dataBytes: count * clusterBytes }
}

/** The clusters that are not all hole, those that follow each other together. */
function dataClusters(extents: Extents): Range[] {
  const clusters: Range[] = []
  for (const { offset, length } of chunksOf(extents)) {
    const start = Math.floor(offset / clusterBytes)
    const end = Math.ceil((offset + length) / clusterBytes)
    const last = clusters.at(-1)
    if (last === undefined || last.end < start) clusters.push({ start, end })
    else clusters[clusters.length - 1] = { start: last.start, end: Math.max(last.end, end) }
  }
  return clusters
}

/** Header, counts, L1 and L2 tables, each from the start of a cluster on. */
function headOf(clusters: readonly Range[], dataCount: number, sizeBytes: number): Buffer {
  const diskBytes = Math.ceil(sizeBytes / 512) * 512
  const tables = [
    ...new Set(
      clusters.flatMap(({ start, end }) => {
        const first = Math.floor(start / tableEntries)
        const count = Math.floor((end - 1) / tableEntries) - first + 1
        return Array.from({ length: count }, (_, i) => first + i)
      }),
    ),
  ]
  const l1Entries = Math.ceil(diskBytes / clusterBytes / tableEntries)
  const l1Clusters = Math.ceil(l1Entries / tableEntries)
  const counted = 1 + l1Clusters + tables.length + dataCount
  const { blocks, blockTables } = countsFor(counted)
  const l1At = 1 + blockTables + blocks
  const l2At = l1At + l1Clusters
  const dataAt = l2At + tables.length
  const head = Buffer.alloc(dataAt * clusterBytes)
  writeHeader(head, { diskBytes, l1Entries, l1At, blockTables })
  for (let i = 0; i < blocks; i++) {
    head.writeBigUInt64BE(offsetOf(1 + blockTables + i), clusterBytes + i * 8)
  }
  for (let i = 0; i < dataAt + dataCount; i++) {
    head.writeUInt16BE(1, (1 + blockTables) * clusterBytes + i * 2)
  }
  tables.forEach((table, i) => {
    head.writeBigUInt64BE(offsetOf(l2At + i) | copied, l1At * clusterBytes + table * 8)
  })
  writeData(head, clusters, { tables, l2At, dataAt })
  return head
}

/** How many clusters it takes to count all of them, these included. */
function countsFor(others: number): { readonly blocks: number; readonly blockTables: number } {
  let blocks = 1
  let blockTables = 1
  for (;;) {
    const needed = Math.ceil((others + blocks + blockTables) / countEntries)
    const tables = Math.ceil(needed / tableEntries)
    if (needed === blocks && tables === blockTables) return { blocks, blockTables }
    blocks = needed
    blockTables = tables
  }
}

function writeHeader(
  head: Buffer,
  places: {
    readonly diskBytes: number
    readonly l1Entries: number
    readonly l1At: number
    readonly blockTables: number
  },
): void {
  head.write('QFI\xfb', 'latin1')
  head.writeUInt32BE(3, 4)
  head.writeUInt32BE(clusterBits, 20)
  head.writeBigUInt64BE(BigInt(places.diskBytes), 24)
  head.writeUInt32BE(places.l1Entries, 36)
  head.writeBigUInt64BE(offsetOf(places.l1At), 40)
  head.writeBigUInt64BE(offsetOf(1), 48)
  head.writeUInt32BE(places.blockTables, 56)
  // Counts have two to the fourth bits, and the header ends here.
  head.writeUInt32BE(4, 96)
  head.writeUInt32BE(104, 100)
}

function writeData(
  head: Buffer,
  clusters: readonly Range[],
  at: { readonly tables: readonly number[]; readonly l2At: number; readonly dataAt: number },
): void {
  const places = new Map(at.tables.map((table, i) => [table, (at.l2At + i) * clusterBytes]))
  let next = at.dataAt
  for (const { start, end } of clusters) {
    for (let cluster = start; cluster < end; cluster++) {
      const place = places.get(Math.floor(cluster / tableEntries)) ?? 0
      head.writeBigUInt64BE(offsetOf(next++) | copied, place + (cluster % tableEntries) * 8)
    }
  }
}

function offsetOf(cluster: number): bigint {
  return BigInt(cluster) * BigInt(clusterBytes)
}

/** The parts of the ranges that lie in a stretch of what they are together. */
function within(ranges: readonly Range[], { start, end }: Range): Range[] {
  let at = 0
  return ranges.flatMap((range) => {
    const before = at
    at += range.end - range.start
    const from = Math.max(start - before, 0)
    const to = Math.min(end - before, range.end - range.start)
    return from < to ? [{ start: range.start + from, end: range.start + to }] : []
  })
}
