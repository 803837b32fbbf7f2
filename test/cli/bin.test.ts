import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { temporaryFolder } from '../support/folder.ts'

const bin = fileURLToPath(new URL('../../bin/', import.meta.url))

interface Ended {
  readonly exit: number
  readonly out: string
  readonly err: string
}

function ran(file: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(file, args, (error, out, err) => {
      resolve({ exit: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })
}

// Port 1 is reserved, and nothing listens there.
const nowhere = ['--portal', '127.0.0.1:1']

test('mrg-image without a word explains itself', async () => {
  const { exit, out, err } = await ran(join(bin, 'mrg-image'))
  expect({ exit, err }).toEqual({ exit: 0, err: '' })
  expect(out).toContain('publish FILE')
})

test('a launcher works through symbolic links', async () => {
  await using folder = await temporaryFolder()
  const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')]
  await symlink(join(bin, 'mrs-image'), one)
  await symlink('one', two)
  expect((await ran(two, '--help')).out).toContain('Usage: mrs-image <verb>')
})

test('merge-image names its services, and no others', async () => {
  expect((await ran(join(bin, 'merge-image'), '--help')).out).toContain('merge-image portal')
  expect(await ran(join(bin, 'merge-image'), 'portl')).toMatchObject({ exit: 2, out: '' })
})

test('a portal that is not there is one clear message and exit 1', async () => {
  const { exit, out, err } = await ran(join(bin, 'mrg-image'), 'list', ...nowhere)
  expect({ exit, out }).toEqual({ exit: 1, out: '' })
  expect(err).toMatch(/^mrg-image: Nothing answers at 127\.0\.0\.1:1/)
  expect(err).toContain('--portal HOST:PORT')
  expect(err).not.toMatch(/^\s+at /m)
})

test('the same as JSON is one document on stderr', async () => {
  const { exit, err } = await ran(join(bin, 'mrg-image'), 'list', '--json', ...nowhere)
  expect(exit).toBe(1)
  expect(JSON.parse(err)).toMatchObject({
    error: { reason: 'UNREACHABLE', metadata: { address: '127.0.0.1:1' } },
  })
})

test('an agent that is not there is told by its socket', async () => {
  const { exit, err } = await ran(
    join(bin, 'mrs-image'),
    'status',
    '--socket',
    '/nowhere/agent.sock',
  )
  expect(exit).toBe(1)
  expect(err).toContain('/nowhere/agent.sock')
})

test('a wrong command line exits with 2', async () => {
  expect(await ran(join(bin, 'mrg-image'), 'lst')).toMatchObject({ exit: 2, out: '' })
})

test('a reader that goes away is no error', async () => {
  const child = spawn(join(bin, 'mrg-image'), ['--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let err = ''
  child.stderr.on('data', (text: Buffer) => (err += text.toString()))
  expect(await once(child, 'close')).toEqual([0, null])
  expect(err).toBe('')
})

/** The addresses of all modules that a program loads to print its help. */
async function loadedBy(main: string): Promise<string[]> {
  const told = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    process.on('exit', () => process.stderr.write(loaded.join('\\n')))`
  const hook = `data:text/javascript,${encodeURIComponent(told)}`
  const path = fileURLToPath(new URL(`../../${main}`, import.meta.url))
  const { exit, err } = await ran(join(bin, 'with-node'), '--import', hook, path, '--help')
  expect(exit).toBe(0)
  const loaded = err.split('\n')
  expect(loaded.length).toBeGreaterThan(100)
  return loaded
}

// A third of a command's time, for what few of them need.
test.each(['mrg-image', 'mrs-image'])('%s starts without what reads YAML', async (tool) => {
  const heavy = /node_modules\/(zod|yaml|grpc-health-check)\//
  expect((await loadedBy(`cli/${tool}.ts`)).filter((url) => heavy.test(url))).toEqual([])
})

// Some 20 MB of an agent, for what its settings may not ask for.
test.each(['agent', 'services'])(
  'what runs from %s/ loads no client that it may not need',
  async (side) => {
    const heavy = /node_modules\/(@aws-sdk|jose|openpgp|prom-client|undici|yauzl)\//
    expect((await loadedBy(`${side}/main.ts`)).filter((url) => heavy.test(url))).toEqual([])
  },
)
