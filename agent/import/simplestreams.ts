import { z, type ZodType } from 'zod'
import { type Failure, precondition } from '../../lib/failure.ts'
import type { SimplestreamsPlace } from '../../lib/sources/place.ts'
import { type Client, openClient, parsed } from './client.ts'
import { type Found, originOf } from './finding.ts'
import { below } from './naming.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { signedText } from './signature.ts'
import { signedList } from './signed.ts'

/** Images as cloud-images.ubuntu.com and Incus' servers offer them. */
export function simplestreamsOrigin(place: SimplestreamsPlace, deps: OriginDeps): Origin {
  const client = openClient(deps)
  const find = async (signal: AbortSignal): Promise<readonly Found[]> => {
    const list = <T>(form: ZodType<T>, path: string): Promise<T> =>
      read(form, path, place, client, deps.now, signal)
    const { index } = await list(indexForm, indexPath)
    const wanted = Object.values(index).filter(isOfImages)
    const found: Found[] = []
    for (const { path } of wanted) {
      found.push(...foundIn(await list(productsForm, path), place, client))
    }
    return found
  }
  return originOf(find, deps, client)
}

/** A list; where there is a key, one that is signed: inside, as `.sjson` is, or beside it. */
async function read<T>(
  form: ZodType<T>,
  path: string,
  { url, key }: SimplestreamsPlace,
  client: Client,
  now: () => Date,
  signal: AbortSignal,
): Promise<T> {
  if (key === undefined) return client.json(form, { url: below(url, path) }, signal)
  const inline = path.replace(/\.json$/, '.sjson')
  const there = await client.read({ url: below(url, inline) }, signal, [200, 404, 403])
  const text =
    there.status === 200 && inline.endsWith('.sjson')
      ? await signedText({ name: inline, bytes: there.bytes, key }, now())
      : await signedList({ url, name: path.replace(/\.sjson$/, '.json'), key }, client, now, signal)
  return parsed(form, { ...there, bytes: Buffer.from(text) })
}

const indexPath = 'streams/v1/index.json'

const indexForm = z.object({
  index: z.record(
    z.string(),
    z.object({
      path: z.string(),
      format: z.string().optional(),
      datatype: z.string().optional(),
    }),
  ),
})

type Listing = z.infer<typeof indexForm>['index'][string]

/** Other lists tell of clouds' own names of images. */
function isOfImages({ format = 'products:1.0', datatype = 'image-downloads' }: Listing): boolean {
  return format === 'products:1.0' && datatype === 'image-downloads'
}

const itemForm = z.looseObject({
  path: z.string(),
  ftype: z.string().optional(),
  size: z.coerce.number().int().nonnegative().optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .optional(),
})

const versionForm = z.looseObject({ items: z.record(z.string(), itemForm).optional() })

const productForm = z.looseObject({ versions: z.record(z.string(), versionForm).optional() })

const productsForm = z.looseObject({ products: z.record(z.string(), productForm) })

type Tree = Readonly<Record<string, unknown>>

function foundIn(
  list: z.infer<typeof productsForm>,
  place: SimplestreamsPlace,
  client: Client,
): readonly Found[] {
  const { products, ...common } = list
  return Object.entries(products).flatMap(([product, { versions = {}, ...ofProduct }]) =>
    Object.entries(versions).flatMap(([version, { items = {}, ...ofVersion }]) =>
      Object.entries(items).map(([item, said]) => {
        const release = textOf(ofProduct['version'])
        const words = [common, ofProduct, ofVersion, said].map(textsOf)
        const fields = {
          ...Object.assign({}, ...words),
          ...(release === undefined ? {} : { release_version: release }),
          ...{ product, version, item },
        } as Record<string, string>
        return foundOf([product, version, item].join('/'), said, fields, place, client)
      }),
    ),
  )
}

function foundOf(
  name: string,
  { path, size, sha256, ...said }: z.infer<typeof itemForm>,
  fields: Readonly<Record<string, string>>,
  place: SimplestreamsPlace,
  client: Client,
): Found {
  const sum = sha256?.toLowerCase()
  const sizeBytes = size === undefined ? undefined : BigInt(size)
  const refused = sum === undefined && place.key !== undefined ? unsigned(name) : undefined
  const known = ['sha512', 'md5'].map((key) => textOf(said[key])).find((text) => text !== undefined)
  return {
    ...{ name, fields },
    version: sum === undefined ? `${path} ${known ?? ''} ${size ?? ''}` : `sha256:${sum}`,
    ...(sum === undefined ? {} : { sha256: sum }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(refused === undefined ? {} : { refused }),
    open: (signal) => {
      const wanted = { name, url: below(place.url, path), sizeBytes, isChecked: sum !== undefined }
      return client.fetch(wanted, signal)
    },
  }
}

/** What a list signs are the checksums in it. */
function unsigned(name: string): Failure {
  const advice = 'ask whoever runs the source for one, or leave out its key'
  const text = `${name} has no SHA-256 in its list, so nobody signed its bytes: ${advice}`
  return precondition('SOURCE_UNREADABLE', text, { name })
}

/** What is said in words, which is inherited from the outside to the inside. */
function textsOf(tree: Tree): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) => {
      const text = textOf(value)
      return text === undefined ? [] : [[key, text] as const]
    }),
  )
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  return typeof value === 'string' ? value : undefined
}
