import { describe, expect, test } from '@jest/globals'
import { archOf, displayName, distroOf, releaseOf } from '../../../lib/names/catalogue.ts'
import { parseImageName } from '../../../lib/names/name.ts'
import { catalogue } from './world.ts'

const words = {
  ...catalogue,
  distros: catalogue.distros.map((distro) => ({
    ...distro,
    releases: distro.releases.map((release) => ({ ...release, lts: distro.id === 'ubuntu' })),
  })),
}

describe('the name for people', () => {
  test.each([
    ['ubuntu-2404.4-std-x86-20260310', 'Ubuntu 24.04.4 LTS (Noble Numbat)'],
    ['ubuntu-2604.0-std-x86-20260615', 'Ubuntu 26.04 LTS (Resolute Raccoon)'],
    ['lab1/debian-13.1-mytools-x86-20260701', 'Debian 13.1 (Trixie)'],
    ['fedora-43.0-std-x86-20251201', 'Fedora 43'],
    ['fedora-99.2-std-x86-20251201', 'Fedora 99.2'],
    ['slackware-15.0-std-x86-20251201', 'slackware 15'],
  ])('of %s is %s', (name, shown) => {
    expect(displayName(parseImageName(name), words)).toBe(shown)
  })

  test('has a codename where there is no longer form of it', () => {
    const release = { release: '15', official: '15.0', codename: 'sisyphus' }
    const distro = { id: 'alt', short: [], display: 'ALT', releases: [release] }
    const name = { distro: 'alt', release: '15', point: 0 }
    expect(displayName(name, { ...catalogue, distros: [distro] })).toBe('ALT 15.0 (Sisyphus)')
  })
})

describe('the words of the catalogue', () => {
  test('spell architectures in several ways', () => {
    expect(['x86', 'x86_64', 'amd64', 'x64'].map(archOf)).toEqual(Array(4).fill('x86'))
    expect(['aarch64', 'arm64'].map(archOf)).toEqual(['aarch64', 'aarch64'])
    expect([archOf('riscv64'), archOf('sparc')]).toEqual(['riscv64', undefined])
  })

  test('find a distro and a release', () => {
    const ubuntu = distroOf(catalogue, 'ubnt')
    expect(ubuntu?.id).toBe('ubuntu')
    for (const word of ['2404', '24.04', 'noble']) {
      expect(ubuntu && releaseOf(ubuntu, word)?.release).toBe('2404')
    }
  })
})
