import { randomBytes } from 'node:crypto'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

/** A portal with a few images, and folders of experiments that mrg-image works in. */
export async function experiments() {
  const portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
  const producer = portal.as('producer')
  const data = randomBytes(1000)
  const make = (target: string) => publish(producer, target, data)
  const [ubuntu, debian] = [await make('ubuntu-2404.4'), await make('debian-13-aarch64')]
  let made = 0
  return {
    ...portal,
    ubuntu,
    debian,
    publish: make,
    digestOf: async (name: string) => (await producer.images.getImage({ name })).image?.digest,
    locks: async () => (await portal.sql`select id from lock`).length,
    begin: async () => {
      const folder = join(portal.folder, `experiment${made++}`)
      await mkdir(folder)
      return experiment(portal.address, folder)
    },
  }
}

export type Experiments = Awaited<ReturnType<typeof experiments>>
export type Experiment = ReturnType<typeof experiment>

function experiment(portal: string, folder: string) {
  const write = (name: string, text: string) => writeFile(join(folder, name), text)
  const read = (name = 'images.lock') => readFile(join(folder, name), 'utf8')
  return {
    folder,
    write,
    read,
    model: (nodes: unknown) => write('model.json', JSON.stringify({ nodes })),
    files: () => readdir(folder),
    pinned: async (): Promise<Record<string, string>> => {
      const lock = JSON.parse(await read()) as { nodes: { node: string; image: string }[] }
      return Object.fromEntries(lock.nodes.map(({ node, image }) => [node, image]))
    },
    mrg: async (...argv: readonly string[]) => {
      const { host, out, err } = recordingHost(portal)
      const exit = await main(mrgImage, argv, { ...host, folder })
      return { exit, out: out.join('\n'), err: err.join('\n') }
    },
  }
}
