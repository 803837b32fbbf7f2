import { internal } from '../../lib/failure.ts'
import type { Catalogue } from '../../lib/names/catalogue.ts'
import type { Image } from '../../lib/names/images.ts'
import { renderImageName } from '../../lib/names/name.ts'
import type { Sql } from '../db/open.ts'
import { findImages } from '../images/queries.ts'
import type { ImageRow } from '../images/row.ts'
import { renderImage } from '../images/render.ts'
import { encodeImage } from './wire.ts'

/** Renders an image of a world by that world's catalogue, as the field of an answer. */
export type Rendered = (image: Image, catalogue: Catalogue) => Buffer | Promise<Buffer>

/** About 25 MB. */
const mostKept = 50_000

/**
 * Images as they are sent. A change makes another object of an image in the world, and another catalogue begins anew, so
 * that what is kept is never stale. The eldest go.
 */
export function renderedImages(sql: Sql): Rendered {
  const readRow = rowsTogether(sql)
  const kept = new Map<Image, Buffer | Promise<Buffer>>()
  let words: Catalogue | undefined
  return (image, catalogue) => {
    if (words !== catalogue) kept.clear()
    words = catalogue
    const found = kept.get(image)
    if (found !== undefined) return found
    const reading = readRow(renderImageName(image.name)).then((row) =>
      encodeImage(renderImage(row, catalogue)),
    )
    reading.then(
      (field) => kept.get(image) === reading && kept.set(image, field),
      () => kept.get(image) === reading && kept.delete(image),
    )
    kept.set(image, reading)
    for (const eldest of kept.keys()) {
      if (kept.size <= mostKept) break
      kept.delete(eldest)
    }
    return reading
  }
}

interface Wanted extends PromiseWithResolvers<ImageRow> {
  readonly name: string
}

const mostAtOnce = 500

/** Reads rows by name: all that are wanted in one turn of the event loop together. */
function rowsTogether(sql: Sql): (name: string) => Promise<ImageRow> {
  let wanted: Wanted[] = []
  const read = (): void => {
    const all = wanted
    wanted = []
    for (let i = 0; i < all.length; i += mostAtOnce) void deliver(sql, all.slice(i, i + mostAtOnce))
  }
  return (name) => {
    if (wanted.length === 0) setImmediate(read)
    const one = { name, ...Promise.withResolvers<ImageRow>() }
    wanted.push(one)
    return one.promise
  }
}

async function deliver(sql: Sql, wanted: readonly Wanted[]): Promise<void> {
  try {
    const rows = await findImages(sql, [...new Set(wanted.map(({ name }) => name))])
    const byName = new Map(rows.map((row) => [row.name, row]))
    for (const { name, resolve, reject } of wanted) {
      const row = byName.get(name)
      if (row === undefined) reject(internal('INTERNAL', `the image ${name} has no row`))
      else resolve(row)
    }
  } catch (error) {
    for (const { reject } of wanted) reject(error)
  }
}
