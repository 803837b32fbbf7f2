import { describe, expect, test } from '@jest/globals'
import type { Catalogue, Distro } from '../../../lib/names/catalogue.ts'
import {
  admitDistro,
  admitRelease,
  parseDistro,
  parseRelease,
  parseRole,
  withRelease,
} from '../../../lib/names/edit.ts'
import {
  etagOfDistro,
  etagOfRelease,
  parseCatalogue,
  renderCatalogue,
} from '../../../lib/names/message.ts'
import { Distro as DistroMessage, Release } from '../../../proto/gen/merge/image/v1/catalog.ts'
import { catalogue, failureOf } from './world.ts'

const ubuntu = theDistro('ubuntu')
const debian = theDistro('debian')

function theDistro(id: string): Distro {
  const distro = catalogue.distros.find((one) => one.id === id)
  if (distro === undefined) throw new Error(`no ${id}`)
  return distro
}

/** What is said of the field that is wrong. */
function refusal(call: () => unknown): string {
  const { reason, facts, message } = failureOf(call)
  return `${reason} ${facts['field'] ?? ''}: ${message}`
}

const words = (fields: Partial<DistroMessage>) =>
  parseDistro(DistroMessage.fromPartial({ id: 'gentoo', displayName: 'Gentoo', ...fields }))

const release = (fields: Partial<Release>) =>
  parseRelease(Release.fromPartial({ release: '2804', officialName: '28.04', ...fields }))

function put(fields: Partial<Release>, distro = ubuntu, known: Catalogue = catalogue): Distro {
  const made = release(fields)
  const after = withRelease(distro, made, { first: false, after: '' })
  admitRelease(made, after, known)
  return after
}

describe('the words of a distro', () => {
  test('are read', () => {
    expect(words({ shortNames: ['gnto'] })).toEqual({
      ...{ id: 'gentoo', short: ['gnto'], display: 'Gentoo' },
    })
  })

  test.each([
    [{ id: 'G' }, 'INVALID_FIELD id: "G" is no id of a distro: write 2 to 16 small letters'],
    [{ id: 'my-os' }, 'INVALID_FIELD id: "my-os" is no id'],
    [{ id: '9front' }, 'INVALID_FIELD id: "9front" is no id'],
    [{ id: 'a'.repeat(17) }, 'INVALID_FIELD id: '],
    [{ shortNames: ['x'] }, 'INVALID_FIELD short_names: "x" is no short name'],
    [{ shortNames: ['gnto', 'gnto'] }, 'INVALID_FIELD short_names: "gnto" is given twice'],
    [{ shortNames: ['gentoo'] }, 'INVALID_FIELD short_names: "gentoo" is given twice'],
    [{ displayName: '' }, 'INVALID_FIELD display_name: gentoo has no name for people'],
    [{ displayName: 'a\nb' }, 'INVALID_FIELD display_name: "a?b" is no name to show'],
    [{ displayName: 'x'.repeat(65) }, 'INVALID_FIELD display_name: '],
  ])('are refused as %j', (fields, message) => {
    expect(refusal(() => words(fields))).toContain(message)
  })

  test.each([
    ['ubnt', 'is the distro ubuntu already'],
    ['trixie', 'is Debian 13 already'],
    ['hypervisor', 'is the role hypervisor already'],
    ['arm64', 'is the architecture aarch64 already'],
    ['fedora43', 'is a release of fedora already'],
  ])('cannot be %s', (word, message) => {
    const why = `"${word}" ${message}: choose another word`
    expect(
      refusal(() => {
        admitDistro(words({ id: word }), catalogue)
      }),
    ).toBe(`INVALID_FIELD id: ${why}`)
    expect(
      refusal(() => {
        admitDistro(words({ shortNames: [word] }), catalogue)
      }),
    ).toBe(`INVALID_FIELD short_names: ${why}`)
  })

  test('cannot make two things of a word that is there', () => {
    const known = { ...catalogue, distros: [{ ...debian, id: 'plan9', short: [], releases: [] }] }
    expect(
      refusal(() => {
        admitDistro(words({ id: 'plan' }), known)
      }),
    ).toContain('of "plan9"')
  })

  test('may stay what they are', () => {
    const same = words({ id: 'ubuntu', shortNames: ['ubnt'], displayName: 'Ubuntu' })
    expect(() => {
      admitDistro(same, catalogue)
    }).not.toThrow()
  })

  test('cannot be a codename of its own', () => {
    const noble = words({ id: 'ubuntu', shortNames: ['noble'], displayName: 'Ubuntu' })
    expect(
      refusal(() => {
        admitDistro(noble, catalogue)
      }),
    ).toContain('is Ubuntu 24.04 already')
  })
})

describe('what is known of a release', () => {
  test('is read, and what is empty is not there', () => {
    expect(release({ codename: 'zesty', endOfLife: '2033-04-30' })).toEqual({
      ...{ release: '2804', official: '28.04', codename: 'zesty', endOfLife: '2033-04-30' },
      ...{ lts: false, prerelease: false },
    })
  })

  test.each([
    [{ release: '' }, 'INVALID_FIELD release: '],
    [{ release: '28.04' }, 'INVALID_FIELD release: "28.04" is no release: write one to six digits'],
    [{ release: '1234567' }, 'INVALID_FIELD release: '],
    [
      { release: '202601' },
      'INVALID_FIELD release: "202601" is no release: in a reference it is a month',
    ],
    [{ officialName: '' }, 'INVALID_FIELD official_name: "" is no official name: write it as'],
    [{ officialName: 'noble' }, 'INVALID_FIELD official_name: '],
    [
      { codename: 'Noble Numbat' },
      'INVALID_FIELD codename: "Noble Numbat" is no codename: write one word',
    ],
    [{ displayName: ' Zesty' }, 'INVALID_FIELD display_name: '],
    [
      { releaseDate: '2028-02-30' },
      'INVALID_DATE release_date: "2028-02-30" is no day of the calendar',
    ],
    [
      { endOfLife: '20330430' },
      'INVALID_DATE end_of_life: "20330430" is no day of the calendar: write it as',
    ],
    [{ endOfLife: 'soon' }, 'INVALID_DATE end_of_life: '],
    [
      { releaseDate: '2028-04-20', endOfLife: '2028-04-19' },
      'INVALID_FIELD end_of_life: A release of 2028-04-20 cannot have ended on 2028-04-19',
    ],
  ])('is refused as %j', (fields, message) => {
    expect(refusal(() => release(fields))).toContain(message)
  })

  test.each([
    [{ officialName: '24.04' }, 'official_name: "24.04" is Ubuntu 24.04 already'],
    [{ officialName: '2404' }, 'official_name: "2404" is Ubuntu 24.04 already'],
    [
      { release: '24', officialName: '24' },
      'official_name: "24.04" could then be read as a release and',
    ],
    [
      { officialName: '2404.1' },
      'official_name: "2404.1" could then be read as a release and as a point',
    ],
    [{ codename: 'noble' }, 'codename: "noble" is Ubuntu 24.04 already'],
    [{ codename: 'trixie' }, 'codename: "trixie" is Debian 13 already'],
    [{ codename: 'debn' }, 'codename: "debn" is the distro debian already'],
    [{ codename: 'ubuntu' }, 'codename: "ubuntu" is the distro ubuntu already'],
    [{ codename: 'std' }, 'codename: "std" is the role std already'],
    [{ codename: 'amd64' }, 'codename: "amd64" is the architecture x86 already'],
    [{ codename: 'fedora42' }, 'codename: "fedora42" is a release of fedora already'],
  ])('is refused where a word is taken: %j', (fields, message) => {
    expect(refusal(() => put(fields))).toContain(`INVALID_FIELD ${message}`)
  })

  test('cannot take the digits of another by its official name', () => {
    const odd = { ...debian, releases: [{ release: '130', official: '13' }] }
    expect(refusal(() => put({ release: '13', officialName: '13.x' }, odd))).toContain(
      'release: "13" is Debian 13 already',
    )
  })

  test('may stay what it is', () => {
    const fields = { release: '2404', officialName: '24.04', codename: 'noble' }
    const after = put({ ...fields, displayName: 'Noble Numbat' })
    expect(after.releases.map((one) => one.release)).toEqual(['2004', '2204', '2404', '2604'])
  })

  test('may have the digits of another distro', () => {
    expect(put({ release: '13', officialName: '13' }).releases.at(-1)?.release).toBe('13')
  })
})

describe('a release in the order of its distro', () => {
  const placed = (digits: string, after: string) => {
    const { releases } = withRelease(ubuntu, release({ release: digits }), { first: false, after })
    return releases.map((one) => one.release).join(' ')
  }

  test.each([
    ['2510', '', '2004 2204 2404 2604 2510'],
    ['2510', '24.04', '2004 2204 2404 2510 2604'],
    ['2510', 'Noble', '2004 2204 2404 2510 2604'],
    ['2204', '', '2004 2204 2404 2604'],
    ['2204', '2604', '2004 2404 2604 2204'],
    ['2604', '2004', '2004 2604 2204 2404'],
  ])('%s after "%s" makes %s', (digits, after, order) => {
    expect(placed(digits, after)).toBe(order)
  })

  test('comes after one that is there, and not after itself', () => {
    expect(failureOf(() => placed('2510', '2509')).reason).toBe('UNKNOWN_RELEASE')
    expect(refusal(() => placed('2404', 'noble'))).toContain('INVALID_FIELD after: 2404 cannot')
  })
})

describe('a role', () => {
  test('is new or there already', () => {
    expect(parseRole('desktop', catalogue)).toBe('desktop')
    expect(parseRole('std', catalogue)).toBe('std')
  })

  test.each([
    ['Desk', '"Desk" is no role: write 1 to 32 small letters and digits, a letter first'],
    ['x64', '"x64" is the architecture x86 already: choose another word'],
    ['fdra', '"fdra" is the distro fedora already: choose another word'],
    ['noble', '"noble" is Ubuntu 24.04 already: choose another word'],
    ['debian13', '"debian13" is a release of debian already: choose another word'],
  ])('cannot be %s', (role, message) => {
    expect(refusal(() => parseRole(role, catalogue))).toBe(`INVALID_FIELD role: ${message}`)
  })
})

describe('a catalogue as it is sent', () => {
  test('is the same when it arrives', () => {
    const fields = { lts: true, prerelease: false, released: '2024-04-25', endOfLife: '2029-05-31' }
    const releases = ubuntu.releases.map((one) => ({ ...one, ...fields }))
    const known = { ...catalogue, distros: [{ ...ubuntu, releases }] }
    expect(parseCatalogue(renderCatalogue(known, 7n))).toEqual(known)
  })

  test('has an etag for what is said of each thing, and no other', () => {
    const [focal] = ubuntu.releases
    if (focal === undefined) throw new Error('no release')
    expect(etagOfDistro({ ...ubuntu, releases: [] } as Distro)).toBe(etagOfDistro(ubuntu))
    expect(etagOfRelease({ ...focal, lts: false })).toBe(etagOfRelease(focal))
    const changes = [
      { release: '1' },
      { official: 'x' },
      { codename: 'x' },
      { display: 'x' },
      { lts: true },
      { prerelease: true },
      { released: '2020-04-23' },
      { endOfLife: '2020-04-23' },
    ]
    const etags = changes.map((change) => etagOfRelease({ ...focal, ...change }))
    expect(new Set([etagOfRelease(focal), ...etags]).size).toBe(changes.length + 1)
    const others = [{ id: 'x' }, { short: ['x'] }, { short: [] }, { display: 'x' }]
    const distros = others.map((change) => etagOfDistro({ ...ubuntu, ...change }))
    expect(new Set([etagOfDistro(ubuntu), ...distros]).size).toBe(others.length + 1)
  })
})
