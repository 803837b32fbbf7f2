import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  CatalogServiceService,
  Release,
  type PutReleaseResponse,
} from '../proto/gen/merge/image/v1/catalog.ts'
import { command, type Context } from './command.ts'
import { present } from './find.ts'
import { plain } from './units.ts'
import { UsageError } from './usage.ts'

const etagFlag = { value: 'ETAG', about: 'only if it is there and still has this etag' } as const

const putDistro = command({
  verb: 'put',
  object: 'distro',
  summary: 'add a distro, or change its words',
  arguments: ['ID'],
  flags: {
    name: { value: 'TEXT', about: 'its name for people', required: true },
    short: { value: 'WORDS', about: 'other words for it in references, with commas between them' },
    etag: etagFlag,
  },
  about:
    'What is not said becomes empty: `show distro ID` shows what there is. Its releases stay as they are.',
  examples: ["put distro rocky --name 'Rocky Linux' --short rockylinux"],
  async run(context, [id], { name, short = '', etag = '' }) {
    const shortNames = short.split(',').flatMap((word) => word.trim() || [])
    const distro = { id, displayName: name, shortNames, releases: [], etag: '' }
    const request = { requestId: context.newId(), distro, etag }
    const answer = await catalog(context).putDistro(request, { signal: context.signal })
    const words = [id, ...present(answer.distro).shortNames].join(', ')
    return { json: answer, text: () => `${name} is known as ${words}.` }
  },
})

const putRelease = command({
  verb: 'put',
  object: 'release',
  summary: 'add a release to a distro, or change what is known of it',
  arguments: ['DISTRO', 'RELEASE'],
  flags: {
    official: { value: 'TEXT', about: 'as the distro writes it, such as 24.04', required: true },
    codename: { value: 'WORD', about: 'one word for references' },
    'codename-full': { value: 'TEXT', about: 'the codename for people' },
    lts: { about: 'it is a long-term release' },
    prerelease: { about: 'it is not out yet: used only where a reference names it' },
    released: { value: 'DATE', about: 'the day it came out, such as 2024-04-25' },
    eol: { value: 'DATE', about: 'the last day of its support' },
    after: { value: 'RELEASE', about: 'right after which other release it comes; else the newest' },
    first: { about: 'it comes before all others: the oldest' },
    etag: etagFlag,
  },
  about:
    'RELEASE is digits only: 2404 for 24.04. References know it at once. What is not said becomes empty: `show distro DISTRO`\n' +
    'shows what there is. One that is there keeps its place, unless --after or --first gives it another.',
  examples: [
    "put release ubuntu 2610 --official 26.10 --codename stonking --codename-full 'Stonking Stingray'",
    'put release fedora 45 --official 45 --released 2026-11-03',
    'put release debian 9 --official 9 --codename stretch --eol 2022-06-30 --first',
    'put release debian 10 --official 10 --codename buster --eol 2024-06-30 --after 9',
  ],
  async run(context, [distro, digits], { official, ...more }) {
    const { after = '', first = false, etag = '' } = more
    if (first && after !== '') {
      throw new UsageError('--first and --after exclude each other', 'mrg-image put release --help')
    }
    const release = Release.create({
      release: digits,
      officialName: official,
      codename: more.codename ?? '',
      displayName: more['codename-full'] ?? '',
      lts: more.lts ?? false,
      prerelease: more.prerelease ?? false,
      releaseDate: more.released ?? '',
      endOfLife: more.eol ?? '',
    })
    const request = { requestId: context.newId(), distro, release, after, first, etag }
    const answer = await catalog(context).putRelease(request, { signal: context.signal })
    return { json: answer, text: () => releaseText(answer, digits) }
  },
})

const putRole = command({
  verb: 'put',
  object: 'role',
  summary: 'add a role that images of the portal can have',
  arguments: ['ROLE'],
  flags: {},
  examples: ['put role desktop'],
  async run(context, [role]) {
    const request = { requestId: context.newId(), role }
    const answer = await catalog(context).putRole(request, { signal: context.signal })
    return { json: answer, text: () => `The roles are ${answer.roles.join(', ')}.` }
  },
})

export const catalogueCommands = [putDistro, putRelease, putRole]

function catalog({ channel }: Context): Remote<CatalogServiceService> {
  return connect(CatalogServiceService, channel)
}

/** `Ubuntu 26.10 is ubuntu-2610, the newest.` */
function releaseText({ distro }: PutReleaseResponse, digits: string): string {
  const { id, displayName, releases } = present(distro)
  const place = releases.findIndex(({ release }) => release === digits)
  const official = releases[place]?.officialName ?? digits
  const newer = releases[place + 1]?.officialName
  const where = newer === undefined ? 'the newest' : `before ${newer}`
  return `${plain(displayName)} ${official} is ${id}-${digits}, ${where}.`
}
