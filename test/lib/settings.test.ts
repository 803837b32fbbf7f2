import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { agentSettings } from '../../agent/settings.ts'
import { describeSettings, readSettings, type Settings } from '../../lib/settings.ts'
import { portalSettings } from '../../services/settings.ts'

const settings = {
  dataDir: { about: 'where', value: 'DIR', schema: z.string({ error: 'is missing' }) },
  port: {
    about: 'which',
    value: 'N',
    schema: z.string().regex(/^\d+$/, 'must be a number').default('7410').transform(Number),
  },
  loud: {
    about: 'whether',
    schema: z
      .string()
      .default('false')
      .transform((text) => text === 'true'),
  },
} satisfies Settings

function read(args: readonly string[], environment: Record<string, string> = {}) {
  return readSettings(settings, args, environment, 'THE_APP')
}

describe('settings', () => {
  test('come from flags, and have their defaults', () => {
    expect(read(['--data-dir', '/d'])).toEqual({ dataDir: '/d', port: 7410, loud: false })
    expect(read(['--data-dir=/d', '--port', '1', '--loud'])).toEqual({
      dataDir: '/d',
      port: 1,
      loud: true,
    })
  })

  test('come from the environment where no flag says otherwise', () => {
    const environment = { THE_APP_DATA_DIR: '/env', THE_APP_PORT: '2', THE_APP_LOUD: 'true' }
    expect(read([], environment)).toEqual({ dataDir: '/env', port: 2, loud: true })
    expect(read(['--data-dir', '/flag'], environment)).toMatchObject({ dataDir: '/flag', port: 2 })
  })

  test('that are wrong are told all at once, with the flag and the variable', () => {
    const message = `The settings are wrong:
  --data-dir (or THE_APP_DATA_DIR): is missing
  --port (or THE_APP_PORT): must be a number`
    expect(() => read(['--port', 'x'])).toThrow(
      expect.objectContaining({ kind: 'invalid', reason: 'INVALID_FIELD', message }),
    )
  })

  test.each([[['--dta-dir', '/d']], [['stray']], [['--data-dir']], [['--loud=yes']]])(
    'that nobody knows are refused: %j',
    (args) => {
      expect(() => read(args)).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' }))
    },
  )

  test('are lines of the help', () => {
    expect(describeSettings(settings)).toBe(
      [
        '  --data-dir DIR               where',
        '  --port N                     which',
        '  --loud                       whether',
      ].join('\n'),
    )
  })
})

describe('the settings of the programs', () => {
  test('of a portal have their defaults', () => {
    expect(readSettings(portalSettings, ['--data', '/d'], {}, 'MERGE_IMAGE')).toMatchObject({
      data: '/d',
      listen: '127.0.0.1:7410',
      database: undefined,
      insecureDev: false,
      logLevel: 'info',
    })
  })

  test('of an agent have their defaults', () => {
    const args = ['--facility', 'lab1', '--data', '/d', '--insecure-dev']
    expect(readSettings(agentSettings, args, {}, 'MERGE_IMAGE')).toMatchObject({
      facility: 'lab1',
      portal: undefined,
      listen: undefined,
      insecureDev: true,
    })
  })

  test.each([
    [portalSettings, {}, '--data (or MERGE_IMAGE_DATA): is missing'],
    [agentSettings, {}, '--data (or MERGE_IMAGE_DATA): is missing'],
    [portalSettings, { MERGE_IMAGE_CERTIFICATES_FOR: '401d' }, 'must be from 2s to 400d'],
    [portalSettings, { MERGE_IMAGE_OIDC_ISSUER: 'http://idp.example' }, 'with TLS'],
    [portalSettings, { MERGE_IMAGE_OIDC_ALGORITHMS: 'none' }, 'must be of RS256'],
    [portalSettings, { MERGE_IMAGE_DATABASE: 'mysql://x' }, 'must be postgres://'],
    [portalSettings, { MERGE_IMAGE_LISTEN: 'here' }, 'must be host:port'],
    [portalSettings, { MERGE_IMAGE_BUCKET: 'bucket' }, 'must be s3://bucket/prefix'],
    [portalSettings, { MERGE_IMAGE_INSECURE_DEV: 'perhaps' }, 'is a switch'],
    [agentSettings, { MERGE_IMAGE_PORTAL: 'portal' }, 'must be host:port'],
  ])('say what is wrong: %#', (all: Settings, environment, message) => {
    expect(() => readSettings(all, [], environment, 'MERGE_IMAGE')).toThrow(message)
  })
})
