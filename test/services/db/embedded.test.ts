import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import postgres from 'postgres'
import { startEmbedded, type Embedded } from '../../../services/db/embedded.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'

describe('the embedded PostgreSQL', () => {
  let folder: Folder
  let dir: string

  beforeAll(async () => {
    folder = await temporaryFolder()
    // As root, PostgreSQL runs as nobody, who has to get in.
    await chmod(folder.path, 0o755)
    dir = join(folder.path, 'data')
    await using first = await startEmbedded({ dir, password: 'first', durable: false })
    await query(first, 'create table kept as select 42 as answer')
  })

  afterAll(async () => {
    await folder[Symbol.asyncDispose]()
  })

  const start = () => startEmbedded({ dir, password: 'not used again', durable: false })

  async function query(at: Pick<Embedded, 'url'>, text: string) {
    const sql = postgres(at.url, { max: 1, connect_timeout: 5 })
    try {
      return await sql.unsafe(text)
    } finally {
      await sql.end()
    }
  }

  test('finds at its second start what it kept at the first', async () => {
    await using again = await start()
    expect(await query(again, 'select answer from kept')).toMatchObject([{ answer: 42 }])
  })

  test('belongs to one process: the second waits until the first has stopped', async () => {
    const first = await start()
    let stopped = false
    const second = start().then((started) => ({ started, after: stopped }))
    await query(first, 'select 1')
    const stopping = first[Symbol.asyncDispose]().then(() => (stopped = true))
    const { started, after } = await second
    await using again = started
    expect(after).toBe(true)
    await stopping
    expect(await query(again, 'select answer from kept')).toMatchObject([{ answer: 42 }])
  })

  test('stops when the process that started it is killed', async () => {
    const module = new URL('../../../services/db/embedded.ts', import.meta.url).href
    const script = `import { startEmbedded } from ${JSON.stringify(module)}
const options = { dir: ${JSON.stringify(dir)}, password: '', durable: false }
process.stdout.write((await startEmbedded(options)).url)`
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [url] = (await once(child.stdout, 'data')) as [Buffer]
    const closed = Promise.withResolvers<undefined>()
    const sql = postgres(url.toString(), {
      max: 1,
      onclose: () => {
        closed.resolve(undefined)
      },
    })
    await sql`select 1`
    child.kill('SIGKILL')
    await closed.promise
    await sql.end()
    await using again = await start()
    expect(await query(again, 'select answer from kept')).toMatchObject([{ answer: 42 }])
  })
})
