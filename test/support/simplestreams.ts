import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What a tree says of an item. */
export interface Offered {
  readonly ftype: string
  readonly path: string
  readonly size?: number
  readonly sha256?: string
}

export const indexPath = 'streams/v1/index.json'
export const productsPath = 'streams/v1/com.ubuntu.cloud:released:download.json'

/** What is true of these bytes. */
export function offerOf(ftype: string, path: string, bytes: Buffer): Offered {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { ftype, path, size: bytes.length, sha256 }
}

/** As cloud-images.ubuntu.com has it: an index, a list of products, and files. */
export async function writeTree(
  root: string,
  items: Readonly<Record<string, Offered>>,
  files: Readonly<Record<string, Buffer>> = {},
): Promise<void> {
  const write = async (path: string, content: string | Buffer): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  const images = { format: 'products:1.0', datatype: 'image-downloads', path: productsPath }
  const names = { format: 'products:1.0', datatype: 'image-ids', path: 'streams/v1/aws.json' }
  await write(indexPath, JSON.stringify({ format: 'index:1.0', index: { images, names } }))
  const version = { label: 'release', pubname: 'ubuntu-noble-24.04-amd64-server-20240423', items }
  const product = {
    ...{ arch: 'amd64', os: 'ubuntu', release: 'noble', version: '24.04', supported: true },
    versions: { '20240423': version },
  }
  const list = {
    ...{ format: 'products:1.0', content_id: 'com.ubuntu.cloud:released:download' },
    products: { 'com.ubuntu.cloud:server:24.04:amd64': product },
  }
  await write(productsPath, JSON.stringify(list))
  for (const [path, bytes] of Object.entries(files)) await write(path, bytes)
}
