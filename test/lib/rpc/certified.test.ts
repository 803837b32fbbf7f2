import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identityOf, readCertified } from '../../../lib/rpc/certified.ts'
import { hoursAround, makeAuthority, type Authority } from '../../support/authority.ts'
import { temporaryFolder, type Folder } from '../../support/folder.ts'

describe('the identity in a certificate', () => {
  test.each([
    ['URI:spiffe://merge.example/portal', 'portal'],
    ['URI:spiffe://merge.example/agent/lab1', 'agent:lab1'],
    [
      'DNS:portal.example, URI:spiffe://merge.example/admin/alice, IP Address:10.0.0.1',
      'admin:alice',
    ],
  ])('%s is %s', (names, name) => {
    expect(identityOf(names, 'it')).toEqual({ name, domain: 'merge.example' })
  })

  test.each([
    '',
    'DNS:agent.lab1',
    'URI:https://merge.example/agent/lab1',
    'URI:spiffe://merge.example/agent',
    'URI:spiffe://merge.example/agent/lab1/more',
    'URI:spiffe://merge.example/portal/lab1',
    'URI:spiffe://merge.example/root/lab1',
    'URI:spiffe://merge.example/agent/LAB1',
    'URI:spiffe://merge.example/agent/lab1, URI:spiffe://merge.example/admin/alice',
    'DNS:"a, URI:spiffe://merge.example/admin/alice, b"',
  ])('is none in "%s"', (names) => {
    expect(() => identityOf(names, 'it')).toThrow(
      expect.objectContaining({ reason: 'NOT_IDENTIFIED' }),
    )
  })
})

describe('files of a certificate', () => {
  let folder: Folder
  let authority: Authority

  beforeAll(async () => {
    folder = await temporaryFolder()
    authority = await makeAuthority(folder.path, hoursAround(new Date(), 24))
  })

  afterAll(async () => {
    await folder[Symbol.asyncDispose]()
  })

  test('say who it is for', async () => {
    const files = await authority.issue('spiffe://merge.test/agent/lab1')
    expect(await readCertified(files, new Date())).toMatchObject({
      name: 'agent:lab1',
      domain: 'merge.test',
    })
  })

  test('must be there, be what they are said to be, and fit together', async () => {
    const files = await authority.issue('spiffe://merge.test/agent/lab1')
    const other = await authority.issue('spiffe://merge.test/agent/lab2')
    const text = join(folder.path, 'text')
    await writeFile(text, 'hello')
    const reading = (more: Partial<typeof files>) =>
      readCertified({ ...files, ...more }, new Date())
    await expect(reading({ tlsCa: '/nowhere' })).rejects.toThrow(
      '--tls-ca: /nowhere cannot be read',
    )
    await expect(reading({ tlsCert: text })).rejects.toThrow('is no certificate in PEM')
    await expect(reading({ tlsKey: text })).rejects.toThrow('is no key of')
    await expect(reading({ tlsKey: other.tlsKey })).rejects.toThrow('is no key of')
  })

  test('must be valid now', async () => {
    const files = await authority.issue(
      'spiffe://merge.test/agent/lab1',
      hoursAround(new Date(), 0),
    )
    await expect(readCertified(files, new Date())).rejects.toThrow('is valid from')
  })
})
