import { connect } from '../lib/rpc/connect.ts'
import {
  CatalogServiceService,
  type ListDistrosResponse,
  type Release,
} from '../proto/gen/merge/image/v1/catalog.ts'
import { command, type Paint } from './command.ts'
import { table } from './table.ts'

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

export const distroCommands = [list]

function catalogueText(paint: Paint, catalogue: ListDistrosResponse): string {
  const rows = catalogue.distros.flatMap(({ id, shortNames, releases }) =>
    releases.map((release) => [id, shortNames.join(', ') || '-', ...releaseCells(release)]),
  )
  const headings = ['Distro', 'Short', '>Release', '>Official', 'Codename', 'End of life', 'Kind']
  const roles = `Roles: ${catalogue.roles.join(', ')}. Without another word, std.`
  const arch = `Architecture without another word: ${catalogue.defaultArch}.`
  return `${table(paint, headings, rows)}\n\n${roles}\n${arch}`
}

function releaseCells(release: Release): readonly string[] {
  const { officialName, codename, endOfLife, prerelease, lts } = release
  const kind = prerelease ? 'pre-release' : lts ? 'long-term' : '-'
  return [release.release, officialName || '-', codename || '-', endOfLife || '-', kind]
}
