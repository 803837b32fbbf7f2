import { connect } from '../lib/rpc/connect.ts'
import {
  CatalogServiceService,
  type Distro,
  type ListDistrosResponse,
  type Release,
} from '../proto/gen/merge/image/v1/catalog.ts'
import { command, type Paint } from './command.ts'
import { present } from './find.ts'
import { facts, rowsOf, table } from './table.ts'
import { plain } from './units.ts'

const list = command({
  verb: 'list',
  object: 'distros',
  summary: 'list the distros, releases and roles that image names are made of',
  arguments: [],
  flags: {},
  examples: ['list distros'],
  async run({ channel, signal }) {
    const catalogue = await connect(CatalogServiceService, channel).listDistros({}, { signal })
    return { json: catalogue, text: (paint) => catalogueText(paint, catalogue) }
  },
})

const show = command({
  verb: 'show',
  object: 'distro',
  summary: 'show the words of a distro and its releases, oldest first',
  arguments: ['DISTRO'],
  flags: {},
  examples: ['show distro ubuntu'],
  async run({ channel, signal }, [word]) {
    const catalog = connect(CatalogServiceService, channel)
    const distro = present((await catalog.getDistro({ distro: word }, { signal })).distro)
    return { json: distro, text: (paint) => distroText(paint, distro) }
  },
})

export const distroCommands = [list, show]

function catalogueText(paint: Paint, catalogue: ListDistrosResponse): string {
  const rows = catalogue.distros.flatMap((distro) => {
    const { id, shortNames, releases } = distro
    const cells = releases.map(releaseCells)
    return (cells.length > 0 ? cells : [noRelease]).map((release) => [
      ...[id, shortNames.join(', ') || '-', ...release],
    ])
  })
  const headings = ['Distro', 'Short', '>Release', '>Official', 'Codename', ...dateHeadings]
  const roles = `Roles: ${catalogue.roles.join(', ')}. Without another word, std.`
  const arch = `Architecture without another word: ${catalogue.defaultArch}.`
  return `${table(paint, headings, rows)}\n\n${roles}\n${arch}`
}

const dateHeadings = ['Released', 'End of life', 'Kind']

const noRelease: readonly string[] = Array<string>(6).fill('-')

function releaseCells(release: Release): readonly string[] {
  const { officialName, codename, displayName } = release
  const full = displayName || codename || '-'
  return [release.release, officialName, plain(full), ...dateCells(release)]
}

function dateCells({ releaseDate, endOfLife, prerelease, lts }: Release): readonly string[] {
  const kind = prerelease ? 'pre-release' : lts ? 'long-term' : '-'
  return [releaseDate || '-', endOfLife || '-', kind]
}

function distroText(paint: Paint, distro: Distro): string {
  const about = facts(paint, [
    ['Distro', paint('bold', distro.id)],
    ['Short', distro.shortNames.join(', ') || '-'],
    ['Name', plain(distro.displayName)],
    ['Etag', distro.etag],
  ])
  const headings = ['>Release', '>Official', 'Codename', 'In full', ...dateHeadings, 'Etag']
  const releases = rowsOf(paint, 'releases yet', headings, distro.releases, (release) => [
    ...[release.release, release.officialName],
    ...[release.codename || '-', plain(release.displayName), ...dateCells(release), release.etag],
  ])
  return `${about}\n\n${releases}`
}
