import { connect } from '../lib/rpc/connect.ts'
import {
  LocalServiceService,
  ProjectionState,
  type Projection,
} from '../proto/gen/merge/image/v1/local.ts'
import { command, type Paint } from './command.ts'
import { rowsOf } from './table.ts'
import { counted, plain, time } from './units.ts'
import { word } from './words.ts'

const list = command({
  verb: 'list',
  object: 'projections',
  summary: 'list what lies where the imaging service looks, and what is to',
  arguments: [],
  flags: {},
  about:
    'The agent lays the images that are here out in the folder or bucket that --project names, under their exact names\n' +
    'and, where asked, under aliases; docs/projection.md.',
  examples: ['list projections', 'list projections --json'],
  async run({ channel, signal }) {
    const answer = await connect(LocalServiceService, channel).listProjections({}, { signal })
    const { place, projections } = answer
    const rows = projections.map((one) => ({ ...one, state: word(ProjectionState, one.state) }))
    return {
      json: { place, projections: rows },
      text: (paint) => {
        const laid = projections.filter(isLaid).length
        const sum = `${laid} of ${counted(projections.length, 'file')} laid out in ${plain(place)}`
        return `${rowsOf(paint, 'projections', headings, projections, cellsOf)}\n\n${sum}`
      },
    }
  },
})

export const projectionCommands = [list]

const headings = ['File', 'Image', 'State', 'Since']

function isLaid({ state }: Projection): boolean {
  return state === ProjectionState.PROJECTION_STATE_LAID_OUT
}

function cellsOf({ key, image, state, layTime, error }: Projection, paint: Paint): string[] {
  const told = word(ProjectionState, state)
  const failed = state === ProjectionState.PROJECTION_STATE_FAILED
  const shown = failed ? `${paint('red', told)}: ${plain(error)}` : told
  return [plain(key), image, shown, layTime === undefined ? '-' : time(layTime)]
}
