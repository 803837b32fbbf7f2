import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { debianBuilds, ownBuilds, treeBuilds, type BuildFiles, type TwoBuilds } from './builds.ts'
import { renderMoves, size, type Move } from './moves.ts'
import { root } from './program.ts'
import { startTestbed, type Testbed } from './testbed.ts'

// The main job, end to end: a disk image goes from a file, through the control plane, to two facilities, by name.

const bold = process.stdout.isTTY ? (text: string) => `\x1b[1m${text}\x1b[0m` : String

function say(text: string): void {
  process.stdout.write(`\n${bold(text)}\n\n`)
}

/** Runs a command as a person at that place would, on this screen; answers how long it took, in seconds. */
async function type(place: string, testbed: Testbed, line: readonly string[]): Promise<number> {
  process.stdout.write(`[${place}] $ ${line.join(' ')}\n`)
  const [command = '', ...args] = line
  const started = performance.now()
  const child = spawn(join(root, 'bin', command), args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...testbed.admin,
      MRS_IMAGE_SOCKET: testbed.facilities.get(place)?.socket ?? '',
    },
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${line.join(' ')} ended with ${code ?? 'a signal'}`)
  return (performance.now() - started) / 1000
}

async function chooseBuilds(folder: string): Promise<TwoBuilds> {
  const { IMAGE: image, RECIPE: recipe } = process.env
  if (image !== undefined && image !== '') return ownBuilds(resolve(image), folder)
  if (recipe === undefined || recipe === '') return treeBuilds(folder)
  if (recipe === 'debian') return debianBuilds(folder)
  throw new Error(`there is no recipe "${recipe}" for the demo: RECIPE=debian, or none`)
}

interface Published {
  readonly name: string
  readonly storedBytes: number
  readonly artifacts: readonly { readonly dataBytes: number }[]
}

interface Local {
  readonly image: { readonly name: string }
  readonly replica: { readonly peerBytes: number; readonly portalBytes: number }
}

const target = 'debian-12'

async function publish(testbed: Testbed, build: BuildFiles, step: string): Promise<Move> {
  const boot = [
    ...(build.kernel === undefined ? [] : ['--kernel', build.kernel]),
    ...(build.initramfs === undefined ? [] : ['--initramfs', build.initramfs]),
  ]
  const before = await storedAtPortal(testbed)
  const line = ['mrg-image', 'publish', build.path, '--as', target, ...boot]
  const seconds = await type('portal', testbed, line)
  const { rawBytes, wholeBytes } = await newest(testbed)
  const portalBytes = (await storedAtPortal(testbed)) - before
  return { step, rawBytes, wholeBytes, portalBytes, peerBytes: 0, seconds }
}

async function newest(testbed: Testbed) {
  const [image] = await testbed.mrg<Published[]>('list', 'images')
  if (image === undefined) throw new Error('nothing is published')
  const rawBytes = image.artifacts.reduce((sum, { dataBytes }) => sum + dataBytes, 0)
  return { name: image.name, rawBytes, wholeBytes: image.storedBytes }
}

async function storedAtPortal(testbed: Testbed): Promise<number> {
  const du = execFileSync('du', ['-sb', join(testbed.folder, 'portal/chunks')]).toString()
  return await Promise.resolve(Number(du.split('\t')[0]))
}

async function pull(testbed: Testbed, facility: string, step: string): Promise<Move> {
  const seconds = await type(facility, testbed, ['mrs-image', 'pull', target])
  const { name, rawBytes, wholeBytes } = await newest(testbed)
  const images = await testbed.mrs<Local[]>(facility, 'list', 'images')
  const here = images.find(({ image }) => image.name === name)
  if (here === undefined) throw new Error(`${name} is not at ${facility}`)
  return { step, rawBytes, wholeBytes, seconds, ...here.replica }
}

async function writeOut(
  testbed: Testbed,
  facility: string,
  source: string,
  rawBytes: number,
): Promise<Move> {
  const path = join(testbed.folder, 'out.raw')
  const seconds = await type(facility, testbed, ['mrs-image', 'write', 'out', target, path])
  execFileSync('cmp', [source, path])
  process.stdout.write(`cmp: ${path} is ${source}, byte for byte\n`)
  const step = 'write out at lab2'
  return { step, rawBytes, wholeBytes: 0, portalBytes: 0, peerBytes: 0, seconds }
}

async function demo(testbed: Testbed): Promise<readonly Move[]> {
  say('1. Two builds of an image are made')
  const [first, second] = await chooseBuilds(testbed.folder)
  for (const { path, made } of [first, second]) process.stdout.write(`${path}: ${made}\n`)

  say('2. The first is published, and facility lab1 pulls it')
  const moves = [await publish(testbed, first, 'publish the first build')]
  moves.push(await pull(testbed, 'lab1', 'lab1 pulls it'))

  say('3. The second is published: lab1 moves only what is new')
  moves.push(await publish(testbed, second, 'publish the second build'))
  moves.push(await pull(testbed, 'lab1', 'lab1 pulls it'))

  say('4. Facility lab2 pulls it: most of it comes from lab1')
  moves.push(await pull(testbed, 'lab2', 'lab2 pulls it'))
  await type('portal', testbed, ['mrg-image', 'list', 'facilities'])

  const { rawBytes } = await newest(testbed)

  say('5. The portal stops: lab2 still knows and serves its images')
  await testbed.portal.stop()
  await type('lab2', testbed, ['mrs-image', 'status'])
  await type('lab2', testbed, ['mrs-image', 'resolve', 'debian'])
  moves.push(await writeOut(testbed, 'lab2', second.path, rawBytes))
  return moves
}

await using testbed = await startTestbed(['lab1', 'lab2'], { keep: process.env['KEEP'] === '1' })
const moves = await demo(testbed)
say('What moved')
process.stdout.write(`${renderMoves(moves)}\n`)
const [, , , delta, fanOut] = moves
if (delta !== undefined && fanOut !== undefined) {
  process.stdout.write(
    `\nThe rebuild cost lab1 ${size(delta.portalBytes + delta.peerBytes)} of ${size(delta.wholeBytes)};` +
      ` lab2 took ${size(fanOut.peerBytes)} from lab1 and ${size(fanOut.portalBytes)} from the portal.\n`,
  )
}
