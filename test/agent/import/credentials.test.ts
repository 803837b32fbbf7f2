import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { headerOf, readCredentials } from '../../../agent/import/credentials.ts'
import { guardOf } from '../../../agent/import/guard.ts'
import { guardSettings } from '../../../agent/import/settings.ts'
import { readSettings } from '../../../lib/settings.ts'
import { temporaryFolder } from '../../support/folder.ts'

const good = `
https://registry.example:5000:
  basic: { user: lab1, password: 'pass:word' }
https://api.github.com:
  bearer: github_pat_1
https://gitlab.example:
  header: { name: PRIVATE-TOKEN, value: glpat-1 }
http://10.1.2.3:9000:
  basic: { user: key, password: secret }
`

async function read(text: string, mode = 0o600) {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'credentials')
  await writeFile(path, text)
  await chmod(path, mode)
  return await readCredentials(path)
}

describe('a file of credentials', () => {
  test.each([
    ['https://registry.example:5000/v2/x', 'authorization', 'Basic bGFiMTpwYXNzOndvcmQ='],
    ['https://api.github.com/repos?x=1', 'authorization', 'Bearer github_pat_1'],
    ['https://gitlab.example:443/api', 'private-token', 'glpat-1'],
  ])('has one for %s', async (url, name, value) => {
    const found = (await read(good))(new URL(url))
    expect(found === undefined ? undefined : headerOf(found)).toEqual([name, value])
  })

  test.each([
    'http://registry.example:5000/',
    'https://registry.example/',
    'https://registry.example:5001/',
    'https://registry.example.:5000/',
    'https://other.registry.example:5000/',
    'https://api.github.com.evil.example/',
    'https://api.github.com@evil.example/',
    'https://evil.example/https://api.github.com',
    'http://gitlab.example:443/',
  ])('has none for %s', async (url) => {
    expect((await read(good))(new URL(url))).toBeUndefined()
  })

  test('may be JSON', async () => {
    const found = await read('{"https://a.example": {"bearer": "x"}}')
    expect(found(new URL('https://a.example/'))).toBeDefined()
  })

  test('shows nothing of what it has', async () => {
    expect(JSON.stringify({ credentials: await read(good) })).toBe('{}')
  })

  test.each([0o644, 0o640, 0o604, 0o660, 0o666])('is refused with mode %o', async (mode) => {
    await expect(read(good, mode)).rejects.toMatchObject({
      reason: 'UNREADABLE',
      message: expect.stringMatching(/others can read .*chmod 600/),
    })
  })

  test.each([
    ['a path behind an origin', 'https://a.example/x: { bearer: hunter2 }'],
    ['no origin', 'hunter2: { bearer: x }'],
    ['another scheme', 'ftp://a.example: { bearer: hunter2 }'],
    ['a user', 'https://hunter2@a.example: { bearer: x }'],
    ['an unknown kind', 'https://a.example: { token: hunter2 }'],
    ['two kinds', 'https://a.example: { bearer: hunter2, basic: { user: a, password: hunter2 } }'],
    ['a line end', 'https://a.example: { bearer: "hunter2\\nhost: x" }'],
    ['a header of ours', 'https://a.example: { header: { name: Host, value: hunter2 } }'],
    ['nothing', 'https://a.example: { bearer: "" }'],
    ['no tree', 'hunter2'],
    ['broken YAML', 'https://a.example: { bearer: hunter2'],
    [
      'one origin twice',
      'https://a.example: { bearer: hunter2 }\nhttps://a.example: { bearer: x }',
    ],
  ])('is refused with %s, without a word of it', async (_, text) => {
    const told = await read(text).catch((error: unknown) => error)
    expect(told).toMatchObject({ reason: 'UNREADABLE' })
    const { message, cause } = told as Error
    expect(`${message} ${String(cause)} ${JSON.stringify(told)}`).not.toContain('hunter2')
  })

  test('that is not there is told', async () => {
    await expect(readCredentials('/nowhere/x')).rejects.toMatchObject({ reason: 'UNREADABLE' })
  })
})

describe('the settings', () => {
  const readAll = (args: readonly string[]) => readSettings(guardSettings, args, {}, 'MERGE_IMAGE')

  test('open nothing if nothing is given', async () => {
    const deps = await guardOf(readAll([]))
    expect(deps).toMatchObject({ insideAllowed: [], mostBytes: 128n * 1024n ** 3n })
    expect(deps.credentials(new URL('https://a.example'))).toBeUndefined()
  })

  test('name ranges, and files that are read', async () => {
    await using folder = await temporaryFolder()
    const [ca, credentials] = [join(folder.path, 'ca'), join(folder.path, 'credentials')]
    await writeFile(ca, 'PEM')
    await writeFile(credentials, good, { mode: 0o600 })
    const args = ['--import-inside', '10.1.0.0/16, fd00::/8', '--import-most', '10G']
    const files = ['--import-ca', ca, '--import-credentials', credentials]
    const deps = await guardOf(readAll([...args, ...files]))
    expect(deps).toMatchObject({ ca: 'PEM', insideAllowed: ['10.1.0.0/16', 'fd00::/8'] })
    expect(deps.credentials(new URL('https://api.github.com/'))).toBeDefined()
  })

  test('are refused with what is no range', () => {
    expect(() => readAll(['--import-inside', '10.1.0.0/40'])).toThrow(/--import-inside .*ranges/)
  })
})
