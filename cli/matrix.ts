import { Failure } from '../lib/failure.ts'
import { ReplicaState, type Facility, type Replica } from '../proto/gen/merge/image/v1/facility.ts'
import type { Answer, Context, Paint } from './command.ts'
import { facilities } from './facilities.ts'
import { everyItem } from './find.ts'
import { coloured, rowsOf } from './table.ts'
import { plain, share } from './units.ts'
import { word } from './words.ts'

/** What one facility should hold, and how far it is. */
interface Column {
  readonly facility: Facility
  readonly replicas: ReadonlyMap<string, Replica>
}

/** Which of the images are at which facility, as a table; those that are at none and wanted at none are left out. */
export async function byFacility(context: Context, images: readonly string[]): Promise<Answer> {
  const columns = await columnsOf(context)
  const rows = images.filter((image) => columns.some(({ replicas }) => replicas.has(image)))
  return {
    json: { facilities: columns.map(columnJson), images: rows.map((row) => rowJson(row, columns)) },
    text: (paint) => matrixText(paint, rows, columns),
  }
}

/** Those that the caller may look into: all, or its own. */
async function columnsOf(context: Context): Promise<readonly Column[]> {
  const { signal, note } = context
  const remote = facilities(context)
  const known = await everyItem(
    (page) => remote.listFacilities(page, { signal }),
    (page) => page.facilities,
  )
  const columns: Column[] = []
  for (const facility of known) {
    const request = { facility: facility.name }
    try {
      const replicas = await everyItem(
        (page) => remote.listReplicas({ ...page, ...request }, { signal }),
        (page) => page.replicas,
      )
      columns.push({ facility, replicas: new Map(replicas.map((one) => [one.image, one])) })
    } catch (error) {
      if (!(error instanceof Failure && error.reason === 'NOT_ALLOWED')) throw error
    }
  }
  const hidden = known.length - columns.length
  if (hidden > 0) note(`${hidden} of ${known.length} facilities are not yours to look into`)
  return columns
}

function matrixText(paint: Paint, rows: readonly string[], columns: readonly Column[]): string {
  const headings = ['Image', ...columns.map(({ facility }) => facility.name)]
  const cells = (image: string): readonly string[] => [
    image,
    ...columns.map(({ replicas }) => cellOf(replicas.get(image), paint)),
  ]
  const table = rowsOf(paint, 'images at facilities', headings, rows, cells)
  return [table, ...columns.flatMap(lagOf).map((line) => `\n${line}`)].join('\n')
}

function cellOf(replica: Replica | undefined, paint: Paint): string {
  if (replica === undefined) return '-'
  const state = word(ReplicaState, replica.state)
  const { peerBytes, portalBytes, totalBytes } = replica
  return state === 'fetching'
    ? paint('yellow', share(peerBytes + portalBytes, totalBytes))
    : coloured(paint, state)
}

/** What a facility has not carried out yet, and why, as far as it has said. */
function lagOf({ facility, replicas }: Column): readonly string[] {
  const { name, desiredGeneration, appliedGeneration, agentTime } = facility
  if (appliedGeneration >= desiredGeneration) return []
  const failed = [...replicas.values()].filter(({ error }) => error !== '')
  const whys = failed.map(({ image, error }) => `${image}: ${plain(error)}`)
  const heard = agentTime === undefined ? ['its agent was never heard of'] : []
  const told = [`${name} has carried out generation ${appliedGeneration} of ${desiredGeneration}`]
  return [[...told, ...heard, ...whys].join('; ')]
}

function columnJson({ facility }: Column) {
  const { name, desiredGeneration, appliedGeneration, agentTime } = facility
  return { name, desiredGeneration, appliedGeneration, agentTime }
}

function rowJson(image: string, columns: readonly Column[]) {
  const states = columns.flatMap(({ facility, replicas }) => {
    const replica = replicas.get(image)
    return replica === undefined ? [] : [[facility.name, word(ReplicaState, replica.state)]]
  })
  return { image, facilities: Object.fromEntries(states) as Record<string, string> }
}
