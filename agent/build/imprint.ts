import { isOver } from '../../lib/chunks/abort.ts'
import type { Bench } from './bench.ts'
import { answersOf, debugfs, imageOf } from './debugfs.ts'
import type { Filesystem } from './disk.ts'
import { Fault } from './fault.ts'
import { checkFilesystem, isAtRest, timesOf } from './filesystem.ts'
import { gathered } from './gathering.ts'
import { identityPath } from './identity.ts'
import { listFolders, rootInode } from './looking.ts'

type ImprintBench = Pick<Bench, 'places' | 'carryOut' | 'signal' | 'journal'>

export interface Imprint {
  /** What /etc/merge-image is to say. */
  readonly text: string
  /** Seconds since 1970. */
  readonly epoch: number
}

const name = identityPath.replace('/etc/', '')

/**
 * Writes /etc/merge-image into a file system that a command left, if that can be done safely; answers why not. What is there
 * afterwards is clean and has the text, or is what it was, to the last bit: debugfs keeps what it writes over.
 */
export async function imprint(
  filesystem: Filesystem,
  { text, epoch }: Imprint,
  bench: ImprintBench,
): Promise<string | undefined> {
  if (!(await isAtRest(filesystem.path))) return 'its journal is not empty, or it has errors'
  const etc = await findEtc(filesystem, bench)
  if (typeof etc === 'string') return etc
  const { places, carryOut } = bench
  const undo = `${places.inputs}/undo`
  const source = `${places.inputs}/${name}`
  const commands = [
    `cd <${etc.inode}>`,
    ...(etc.isThere ? [`rm ${name}`] : []),
    `write inputs/${name} ${name}`,
    ...['uid 0', 'gid 0', 'mode 0100644'].map((field) => `set_inode_field ${name} ${field}`),
  ]
  const writing = { title: `writing ${identityPath}`, commands, undo, environment: timesOf(epoch) }
  const wrong = await faultOf(bench, async () => {
    await carryOut([
      { kind: 'write', path: source, content: text, mode: '0600' },
      ...debugfs(filesystem, writing, places),
    ])
    await carryOut([checkFilesystem(imageOf(filesystem, places))])
    if ((await readBack(filesystem, etc.inode, bench)) !== text) throw new Error('it is not there')
  })
  if (wrong === undefined) return undefined
  await undoAll(filesystem, undo, bench)
  return `it could not be written, and all is as it was: ${wrong}`
}

interface Etc {
  readonly inode: number
  /** Whether it has such a file, as that of a parent. */
  readonly isThere: boolean
}

async function findEtc(filesystem: Filesystem, bench: ImprintBench): Promise<Etc | string> {
  const [root] = (await listFolders(filesystem, [rootInode], bench)) ?? []
  if (root === undefined) return 'debugfs cannot read it'
  const etc = root.find((entry) => entry.name === 'etc')
  if (etc?.kind !== 'folder') return 'it has no folder /etc'
  const [entries] = (await listFolders(filesystem, [etc.inode], bench)) ?? []
  if (entries === undefined) return 'debugfs cannot read its /etc'
  const former = entries.find((entry) => entry.name === name)
  if (former?.kind === 'folder') return `${identityPath} is a folder in it`
  return { inode: etc.inode, isThere: former !== undefined }
}

async function readBack(filesystem: Filesystem, etc: number, bench: ImprintBench): Promise<string> {
  const commands = [`cd <${etc}>`, `cat ${name}`]
  const output = gathered()
  const wish = { title: `reading ${identityPath}`, commands }
  await bench.carryOut(debugfs(filesystem, wish, bench.places), output.listen)
  return answersOf(commands, output.text())[1] ?? ''
}

/** What went wrong, unless it is the build itself that ends. */
async function faultOf(
  { signal }: ImprintBench,
  act: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (isOver(signal) || (error instanceof Fault && error.blame !== 'OUTPUT')) throw error
    return error instanceof Error ? error.message : String(error)
  }
}

/** A file system that cannot be given back its former bytes becomes no image. */
async function undoAll(
  filesystem: Filesystem,
  undo: string,
  { places, carryOut }: ImprintBench,
): Promise<void> {
  // There is no such file where nothing was written over.
  const argv = ['sh', '-c', '[ ! -e "$1" ] || e2undo "$1" "$2"', 'sh', undo]
  await carryOut([
    {
      kind: 'run',
      title: 'taking back what was written',
      argv: [...argv, imageOf(filesystem, places)],
      blame: 'BUILDER',
    },
  ])
}
