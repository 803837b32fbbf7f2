import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('on the command line, the catalogue', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>

  beforeAll(async () => {
    portal = await freshPortal()
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  test('is a table of releases, with codenames in full and what kind each is', async () => {
    const { out } = await mrg('list', 'distros')
    expect(out).toMatch(
      /^Distro +Short +Release +Official +Codename +Released +End of life +Kind\n/,
    )
    expect(out).toMatch(
      /^ubuntu +ubnt +2404 +24\.04 +Noble Numbat +2024-04-25 +2029-05-31 +long-term$/m,
    )
    expect(out).toMatch(/^debian +debn +14 +14 +Forky +- +- +pre-release$/m)
    expect(out).toMatch(/^fedora +fdra +43 +43 +- +2025-10-28 +- +-$/m)
    expect(out).toContain('Roles: hypervisor, portalvte, std, vte. Without another word, std.')
    expect(out).toMatch(/Architecture without another word: x86\.$/)
  })

  test('is one document for scripts', async () => {
    const { distros } = JSON.parse((await mrg('list', 'distros', '--json')).out) as {
      readonly distros: readonly { readonly id: string }[]
    }
    expect(distros.map(({ id }) => id)).toContain('alpine')
  })

  test('shows a distro with everything that references call it', async () => {
    const { out } = await mrg('show', 'distro', 'ubnt')
    expect(out).toMatch(/^Distro +ubuntu\nShort +ubnt\nName +Ubuntu\nEtag +[0-9a-f]{16}\n\n/)
    expect(out).toMatch(
      /^ +2404 +24\.04 +noble +Noble Numbat +2024-04-25 +2029-05-31 +long-term +[0-9a-f]{16}$/m,
    )
  })

  test('says what it was likely that was meant', async () => {
    const { exit, err } = await mrg('show', 'distro', 'ubunto')
    expect(exit).toBe(1)
    expect(err).toMatch(/^mrg-image: No distro is called "ubunto"; did you mean `ubuntu`\?\n/)
  })

  test('gets a distro, its releases and a role', async () => {
    const words = ['--name', 'Gentoo Linux', '--short', 'gnto, gentoolinux']
    expect(await mrg('put', 'distro', 'gentoo', ...words)).toEqual({
      ...{ exit: 0, out: 'Gentoo Linux is known as gentoo, gnto, gentoolinux.', err: '' },
    })
    expect((await mrg('show', 'distro', 'gnto')).out).toMatch(/No releases yet\.$/)
    expect((await mrg('list', 'distros')).out).toMatch(/^gentoo +gnto, gentoolinux +- +- +- /m)

    const release = ['put', 'release', 'gnto']
    const newest = await mrg(...release, '26', '--official', '26', '--released', '2026-03-01')
    expect(newest.out).toBe('Gentoo Linux 26 is gentoo-26, the newest.')
    await mrg(...release, '24', '--official', '24', '--eol', '2025-12-31', '--after', '26')
    const between = await mrg(
      ...[...release, '25', '--official', '25', '--after', '26', '--prerelease'],
      ...['--codename', 'larry', '--codename-full', 'Larry the Cow'],
    )
    expect(between.out).toBe('Gentoo Linux 25 is gentoo-25, before 24.')
    const { out } = await mrg('list', 'distros')
    expect(out).toMatch(
      / 26 +26 +- +2026-03-01 +- +-\n.* 25 +25 +Larry the Cow +- +- +pre-release\n/,
    )

    const oldest = await mrg(...release, '20', '--official', '20', '--first')
    expect(oldest.out).toBe('Gentoo Linux 20 is gentoo-20, before 26.')
    const torn = await mrg(...release, '20', '--official', '20', '--first', '--after', '26')
    expect(torn).toMatchObject({ exit: 2, err: expect.stringContaining('exclude each other') })

    expect((await mrg('put', 'role', 'desktop')).out).toBe(
      'The roles are desktop, hypervisor, portalvte, std, vte.',
    )
    const { err } = await mrg('resolve', 'larry-desktop')
    expect(err).toContain('there is no image of Gentoo Linux at all')
  })

  test('is changed only as it was read', async () => {
    const release = ['put', 'release', 'kali', '2026', '--official', '2026', '--lts']
    const { exit, err } = await mrg(...release, '--etag', '0123456789abcdef')
    expect(exit).toBe(1)
    expect(err).toMatch(/^mrg-image: kali 2026 changed since you read it/)
    const { releases } = JSON.parse((await mrg('show', 'distro', 'kali', '--json')).out) as {
      readonly releases: readonly { readonly release: string; readonly etag: string }[]
    }
    const etag = releases.find((one) => one.release === '2026')?.etag ?? ''
    const { out } = await mrg(...release, '--etag', etag, '--json')
    expect(JSON.parse(out)).toMatchObject({
      distro: { id: 'kali' },
      generation: expect.any(Number),
    })
  })

  test.each([
    ['put role noble', '"noble" is Ubuntu 24.04 already: choose another word'],
    ['put release debian 9 --official 9 --eol soon', '"soon" is no day of the calendar'],
    ['put release debian 9 --official 9 --after 8', 'Debian has no release "8"; known are 10, 11'],
    ['put distro fedora43 --name X', '"fedora43" is a release of fedora already'],
    ['put role desktop --caller producer', 'mrg-image: '],
  ])('refuses `%s` in a sentence', async (line, message) => {
    const { exit, out, err } = await mrg(...line.split(' '))
    expect({ exit, out }).toEqual({ exit: 1, out: '' })
    expect(err).toContain(message)
  })
})
