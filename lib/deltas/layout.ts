import type { NumberedChunk } from '../content/numbered.ts'
import type { ByteSpan, SizedChunk } from '../workers/layout.ts'

/** Chunks that follow each other in an image. */
export interface ChunkSpan {
  readonly first: number
  readonly count: number
}

/** The chunks of some spans side by side, each once, so that every span is one stretch of bytes. */
export interface Layout {
  readonly chunks: readonly SizedChunk[]
  readonly bytes: number
  readonly spanOf: (span: ChunkSpan) => ByteSpan
}

/** The spans are of chunks that are there; `from` is where the layout begins. */
export function layOutSpans(
  image: readonly NumberedChunk[],
  spans: readonly ChunkSpan[],
  from = 0,
): Layout {
  const numbers = new Set(spans.flatMap((span) => numbersOf(span)))
  const chunks: SizedChunk[] = []
  const starts = new Map<number, number>()
  let end = from
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const chunk = image[number]
    if (chunk === undefined) continue
    starts.set(number, end)
    chunks.push({ digest: chunk.digest, length: chunk.length })
    end += chunk.length
  }
  return {
    chunks,
    bytes: end - from,
    spanOf({ first, count }) {
      const parts = image.slice(first, first + count)
      return { at: starts.get(first) ?? 0, length: parts.reduce((sum, one) => sum + one.length, 0) }
    },
  }
}

function numbersOf({ first, count }: ChunkSpan): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}
