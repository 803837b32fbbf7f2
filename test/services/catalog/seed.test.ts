import { readFile, readdir } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Catalogue } from '../../../lib/names/catalogue.ts'
import { displayName } from '../../../lib/names/catalogue.ts'
import { admitDistro, admitRelease, parseDistro, parseRelease } from '../../../lib/names/edit.ts'
import { indexImages } from '../../../lib/names/images.ts'
import { renderDistro } from '../../../lib/names/message.ts'
import { parseReference } from '../../../lib/names/reference.ts'
import { readCatalogue } from '../../../services/catalog/queries.ts'
import { freshDatabase } from '../../support/database.ts'

let catalogue: Catalogue

beforeAll(async () => {
  await using database = await freshDatabase()
  catalogue = (await readCatalogue(database.sql)).catalogue
})

function read(reference: string) {
  const { roles } = indexImages([], catalogue)
  return parseReference(reference, {
    catalogue,
    roles: (namespace) => roles.get(namespace) ?? new Set(),
    hasAlias: () => false,
  })
}

describe('the catalogue that a portal begins with', () => {
  test('has the distros that Merge knows', () => {
    expect(catalogue.distros.map(({ id }) => id)).toEqual(
      ['ubuntu', 'debian', 'fedora', 'kali', 'rocky', 'alma', 'opensuse', 'tumbleweed', 'arch']
        .concat('alpine')
        .sort(),
    )
  })

  test.each([
    ['2004', { distro: 'ubuntu', release: '2004' }],
    ['2204', { distro: 'ubuntu', release: '2204' }],
    ['2404', { distro: 'ubuntu', release: '2404' }],
    ['bullseye', { distro: 'debian', release: '11' }],
    ['kali', { distro: 'kali' }],
    ['debian:12', { distro: 'debian', release: '12' }],
  ])('reads %s, as people of Merge have always written it', (reference, fields) => {
    expect(read(reference)).toMatchObject({ kind: 'partial', fields, warnings: [] })
  })

  test.each([
    ['opensuse-15.6', '156'],
    ['leap16.0', '160'],
    ['alpine-3.20', '320'],
    ['alpine3.22', '322'],
    ['archlinux-2026', '2026'],
    ['stonking', '2610'],
    ['forky', '14'],
  ])('reads %s as %s', (reference, release) => {
    expect(read(reference)).toMatchObject({ fields: { release }, warnings: [] })
  })

  test('gives no word two meanings', () => {
    for (const distro of catalogue.distros) {
      const message = renderDistro(distro)
      admitDistro(parseDistro(message), catalogue)
      for (const [i, release] of distro.releases.entries()) {
        expect(parseRelease(message.releases[i])).toEqual(release)
        admitRelease(release, distro, catalogue)
      }
    }
  })

  test('has the releases of each distro in the order in which they came out', () => {
    for (const { releases } of catalogue.distros) {
      const days = releases.flatMap(({ released }) => released ?? [])
      expect(days).toEqual(days.toSorted())
      const first = releases.findIndex(({ prerelease }) => prerelease === true)
      const late = first < 0 ? [] : releases.slice(first)
      expect(late.every(({ prerelease }) => prerelease === true)).toBe(true)
    }
  })

  test.each([
    ['ubuntu', '2610', 0, 'Ubuntu 26.10 (Stonking Stingray)'],
    ['ubuntu', '1804', 6, 'Ubuntu 18.04.6 LTS (Bionic Beaver)'],
    ['opensuse', '156', 0, 'openSUSE Leap 15.6'],
    ['alpine', '323', 4, 'Alpine Linux 3.23.4'],
    ['rocky', '10', 1, 'Rocky Linux 10.1 (Red Quartz)'],
  ])('shows %s %s point %d as %s', (distro, release, point, shown) => {
    expect(displayName({ distro, release, point }, catalogue)).toBe(shown)
  })
})

test('the seed leaves what an operator wrote, and puts what came later behind it', async () => {
  await using database = await freshDatabase('template0')
  const { sql } = database
  const folder = new URL('../../../services/db/migrations/', import.meta.url)
  const files = (await readdir(folder)).filter((file) => file < '0005').sort()
  for (const file of files) {
    if (file.startsWith('0004')) {
      await sql`update release set end_of_life = '2027-01-01' where distro = 'debian' and release = '11'`
      await sql`insert into release (distro, release, position, official_name)
        values ('fedora', '47', 4, '47')`
    }
    await sql.unsafe(await readFile(new URL(file, folder), 'utf8'))
  }
  const { distros } = (await readCatalogue(sql)).catalogue
  const debian = distros.find(({ id }) => id === 'debian')
  expect(debian?.releases.find(({ release }) => release === '11')).toMatchObject({
    ...{ endOfLife: '2027-01-01', released: '2021-08-14' },
  })
  const fedora = distros.find(({ id }) => id === 'fedora')
  expect(fedora?.releases.map(({ release }) => release).slice(-2)).toEqual(['45', '47'])
})
