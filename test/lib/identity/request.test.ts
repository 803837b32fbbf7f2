import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import {
  ChallengePasswordAttribute,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509'
import fc from 'fast-check'
import { algorithm } from '../../../lib/identity/algorithm.ts'
import { makeRequest, readRequest } from '../../../lib/identity/request.ts'

type Asked = Omit<
  Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0],
  'keys' | 'signingAlgorithm'
>

async function asking(asked: Asked, by: object = algorithm): Promise<Buffer> {
  const keys = await webcrypto.subtle.generateKey(by as never, true, ['sign', 'verify'])
  const made = { keys, signingAlgorithm: by as never, ...asked }
  return Buffer.from((await Pkcs10CertificateRequestGenerator.create(made)).rawData)
}

const refused = { reason: 'INVALID_REQUEST' }

describe('a request for a certificate', () => {
  test('is taken for its key when it asks for nothing', async () => {
    const { request } = await makeRequest()
    expect((await readRequest(request)).length).toBe(91)
  })

  const names = ['portal', 'admin/root', 'agent/lab2', 'manager/lab1']
  const kinds: readonly ((i: number) => Asked)[] = [
    (i) => ({ name: `CN=${names[i % 4] ?? ''}${i}` }),
    (i) => ({
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: 'url', value: `spiffe://merge-image/${names[i % 4] ?? ''}${i}` },
        ]),
      ],
    }),
    (i) => ({
      extensions: [
        new SubjectAlternativeNameExtension([{ type: 'dns', value: `portal${i}.example` }]),
      ],
    }),
    () => ({ extensions: [new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.3'])] }),
    (i) => ({ attributes: [new ChallengePasswordAttribute(`please${i}`)] }),
  ]

  test('is refused 100 times of 100 when it asks for anything', async () => {
    for (let i = 0; i < 100; i++) {
      const asked = kinds[i % kinds.length]?.(i) ?? {}
      await expect(readRequest(await asking(asked))).rejects.toMatchObject(refused)
    }
  })

  test.each([
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }],
    [
      'RSA',
      {
        ...{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048 },
        publicExponent: new Uint8Array([1, 0, 1]),
      },
    ],
  ])('is refused for a key of %s', async (_, by) => {
    await expect(readRequest(await asking({}, by))).rejects.toMatchObject(refused)
  })

  test('is refused when another key signed it', async () => {
    const [{ request }, other] = [await makeRequest(), await makeRequest()]
    const key = await readRequest(other.request)
    const at = request.indexOf(await readRequest(request))
    const changed = Buffer.concat([request.subarray(0, at), key, request.subarray(at + key.length)])
    await expect(readRequest(changed)).rejects.toMatchObject(refused)
  })

  test('is for the key that signed it or for none, whichever of its bits is changed', async () => {
    const { request } = await makeRequest()
    const key = await readRequest(request)
    let refusals = 0
    for (let bit = 0; bit < request.length * 8; bit += 5) {
      const changed = Buffer.from(request)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const found = await readRequest(changed).catch(() => undefined)
      if (found === undefined) refusals++
      else expect(found).toEqual(key)
    }
    expect(refusals).toBeGreaterThan(250)
  })

  test('is refused and nothing worse, whatever the bytes', async () => {
    const { request } = await makeRequest()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.nat(request.length - 1).map((length) => request.subarray(0, length)),
          fc
            .uint8Array({ minLength: 1, maxLength: 5000 })
            .map((more) => Buffer.concat([request, more])),
        ),
        async (bytes) => {
          await expect(readRequest(Buffer.from(bytes))).rejects.toMatchObject(refused)
        },
      ),
    )
  })
})
