import { invalid } from '../lib/failure.ts'

/** A page of a list has a thousand of them, and is one message. */
const mostCharacters = 1000

/** Refuses what people write beside a change, such as a reason, where it is too long to be listed. */
export function demandShort(remarks: Readonly<Record<string, string>>): void {
  for (const [field, text] of Object.entries(remarks)) {
    if (text.length <= mostCharacters) continue
    const message = `"${field}" has ${mostCharacters} characters at most, and this has ${text.length}: link to the rest.`
    throw invalid('INVALID_FIELD', message, { field })
  }
}
