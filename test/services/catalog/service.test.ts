import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freshPortal, type Clients } from '../../support/portal.ts'

describe('the catalogue', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let anyone: Clients

  beforeAll(async () => {
    portal = await freshPortal()
    anyone = portal.as('experimenter')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  test('begins with what is current: distros by id, releases oldest first', async () => {
    const { distros, roles, defaultArch, generation } = await anyone.catalog.listDistros({})
    expect(distros.map(({ id }) => id)).toEqual([
      'alma',
      'debian',
      'fedora',
      'kali',
      'rocky',
      'ubuntu',
    ])
    const ubuntu = distros.find(({ id }) => id === 'ubuntu')
    expect(ubuntu?.releases.map(({ release }) => release)).toEqual(['2004', '2204', '2404', '2604'])
    expect(roles).toEqual(['hypervisor', 'portalvte', 'std', 'vte'])
    expect(defaultArch).toBe('x86')
    expect(generation).toBeGreaterThan(0n)
  })

  test.each(['ubuntu', 'ubnt', 'UBUNTU'])('knows a distro as %s', async (word) => {
    const { distro } = await anyone.catalog.getDistro({ distro: word })
    expect(distro).toMatchObject({ id: 'ubuntu', displayName: 'Ubuntu', shortNames: ['ubnt'] })
    expect(distro?.releases.find(({ release }) => release === '2404')).toEqual({
      release: '2404',
      officialName: '24.04',
      codename: 'noble',
      displayName: 'Noble Numbat',
      lts: true,
      prerelease: false,
      endOfLife: '2029-05-31',
    })
  })

  test('says which distros there are when it does not know one', async () => {
    await expect(anyone.catalog.getDistro({ distro: 'ubunto' })).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'UNKNOWN_DISTRO',
      message: expect.stringContaining('"ubunto"'),
      facts: { nearest: 'alma, debian, fedora, kali, rocky, ubuntu' },
    })
  })
})
