import type { About } from './parse.ts'

const mostNotes = 1000

/** What to say of an image that came as a portable file: where it came from, and what was said of it there. */
export function importedNotes(about: About): string {
  const { name, createTime, creator, notes, parent, provenance } = about
  const published = createTime === '' ? '' : `, published ${createTime.slice(0, 10)} by ${creator}`
  const told = [
    `Imported; it was ${name} where it was exported${published}.`,
    ...(parent === null ? [] : [`It was made of ${parent.name}.`]),
    ...(provenance === null ? [] : [`Build ${provenance.build} made it.`]),
    ...(notes === '' ? [] : [`Notes: ${notes}`]),
  ]
  return told.join(' ').slice(0, mostNotes)
}
