import { readDocument } from '../recipes/document.ts'
import { invalidSource, type Problem } from '../recipes/problem.ts'
import type { SourceFieldName, SourceFields } from './fields.ts'
import { sourceFields, unknownFields } from './fields.ts'
import { readTemplate, type Pattern } from './pattern.ts'
import type { Place } from './place.ts'
import { maxSourceBytes, type ScanSchedule, type Source } from './source.ts'

/** A source, or everything that is wrong with it. */
export type ReadSource =
  | {
      readonly source: Source
      readonly placeOf: (field: SourceFieldName, message: string) => Problem
    }
  | { readonly problems: readonly [Problem, ...Problem[]] }

/** Reads a source, or throws INVALID_SOURCE with what is wrong on which line. */
export function parseSource(text: string): Source {
  const read = readSource(text)
  if ('problems' in read) throw invalidSource(read.problems)
  return read.source
}

/** Reads a source, and finds everything that is wrong at once. */
export function readSource(text: string): ReadSource {
  const read = readDocument(text, sourceKind)
  if ('problems' in read) return read
  const { placeOf } = read
  const source = toSource(read.fields)
  const [first, ...more] = unfitting(source).map(({ field, message }) => placeOf(field, message))
  return first === undefined ? { source, placeOf } : { problems: [first, ...more] }
}

const sourceKind = {
  noun: 'source',
  fields: sourceFields,
  mostBytes: maxSourceBytes,
  start: 'place: {kind: directory, path: /srv/images}',
}

/** Names in a folder are all that is known of files there, so a field that the pattern does not have is a mistake. */
function unfitting(source: Source) {
  const { place, match, line, day, order, kernel, initramfs } = source
  if (initramfs !== undefined && kernel === undefined) {
    return [{ field: 'initramfs' as const, message: 'needs a `kernel`, which it is for' }]
  }
  if (place.kind !== 'directory') return []
  const templates = { line, day, order }
  return (['line', 'day', 'order'] as const).flatMap((field) =>
    unknownFields(templates[field] ?? [], match).map((name) => ({
      field,
      message: `has {${name}}, which \`match\` does not have`,
    })),
  )
}

function toSource(given: SourceFields): Source {
  const { match, kernel, initramfs, day, order, newest, format, boot, size, notes } = given
  const { release, limits } = given
  const [namespace, line] = given.line.includes('/') ? given.line.split('/') : ['', given.line]
  return {
    ...{
      match,
      kernel,
      initramfs,
      day,
      order,
      newest,
      format,
      boot,
      notes,
      release,
      namespace: namespace ?? '',
    },
    place: toPlace(given.place),
    line: templateOf(line ?? ''),
    sizeBytes: size,
    schedule: toSchedule(given.schedule),
    limits: {
      timeMs: limits.time,
      diskBytes: limits.disk,
      logBytes: limits.log,
      attempts: limits.attempts,
    },
  }
}

function templateOf(text: string): Pattern {
  const read = readTemplate(text)
  if (typeof read === 'string') throw new Error(`"${text}" has the shape of a line and ${read}`)
  return read
}

function toPlace(given: SourceFields['place']): Place {
  if (given.kind === 'http' || given.kind === 'simplestreams') {
    const { key, ...rest } = given
    return key === undefined ? rest : { ...rest, key }
  }
  if (given.kind === 'github-artifacts') {
    const { branch, ...rest } = given
    return branch === undefined ? rest : { ...rest, branch }
  }
  if (given.kind !== 's3') return given
  const { endpoint, region, path_style: pathStyle, ...rest } = given
  const where = endpoint === undefined ? {} : { endpoint }
  return { ...rest, pathStyle, ...where, ...(region === undefined ? {} : { region }) }
}

function toSchedule(given: SourceFields['schedule']): ScanSchedule | undefined {
  if (given === undefined) return undefined
  const { cron, time_zone: timeZone, pause_after: pauseAfter } = given
  return { cron: cron.trim().split(/\s+/).join(' '), timeZone, pauseAfter }
}
