import { invalid, missing, precondition } from '../../lib/failure.ts'
import { parseLine } from '../../lib/names/line.ts'
import {
  parseImageName,
  renderAliasName,
  renderImageName,
  renderLine,
  splitNamespace,
  type AliasName,
  type Line,
} from '../../lib/names/name.ts'
import { readCatalogue } from '../catalog/queries.ts'
import type { Sql, Transaction } from '../db/open.ts'
import { lockLine } from '../images/lines.ts'
import { noImage } from '../images/found.ts'
import { holdImage, newestReleased, rolesOf } from './queries.ts'

/** Where somebody wants an alias to point: at one image, or at the newest of a line. */
export type Aim =
  | { readonly kind: 'image'; readonly image: string }
  | { readonly kind: 'line'; readonly line: Line }

/** Reads where an alias should point, which is in its own namespace. */
export async function parseAim(
  sql: Sql,
  alias: AliasName,
  { image, follow }: { readonly image: string; readonly follow: string },
): Promise<Aim> {
  if ((image === '') === (follow === '')) {
    const text = 'An alias points at one image or follows one line: say which of the two.'
    throw invalid('INVALID_FIELD', text, { field: 'image' })
  }
  if (image !== '') {
    const name = parseImageName(image)
    demandOwn(alias, name.namespace, 'image')
    return { kind: 'image', image: renderImageName(name) }
  }
  demandOwn(alias, splitNamespace(follow.trim().toLowerCase()).namespace, 'follow')
  const { catalogue } = await readCatalogue(sql)
  const roles = await rolesOf(sql, alias.namespace)
  return { kind: 'line', line: parseLine(follow, { catalogue, roles }) }
}

function demandOwn(alias: AliasName, namespace: string, field: 'image' | 'follow'): void {
  if (alias.namespace === namespace) return
  const owner = alias.namespace === '' ? 'the portal' : alias.namespace
  const text = `${renderAliasName(alias)} points at images of its own namespace only: those of ${owner}.`
  throw invalid('INVALID_FIELD', text, { field })
}

/** Locks what an alias should point at, and says which image that is. */
export async function lockAim(
  tx: Transaction,
  aim: Aim,
): Promise<{ readonly image: string; readonly follows: string }> {
  if (aim.kind === 'image') {
    await lockUsable(tx, aim.image, 'point the alias at another image')
    return { image: aim.image, follows: '' }
  }
  await lockLine(tx, aim.line)
  const image = await newestReleased(tx, aim.line)
  const follows = renderLine(aim.line)
  if (image !== undefined) return { image, follows }
  const text = `${follows} has no released image to point at: publish or release one first.`
  throw missing('NO_MATCH', text, { line: follows })
}

/** Locks an image that an alias may point at; what else to do is advice for where it may not. */
export async function lockUsable(tx: Transaction, image: string, advice: string): Promise<void> {
  const found = await holdImage(tx, image)
  if (found === undefined) throw noImage(image)
  const { state, storage } = found
  const replacement = found.replacement === null ? {} : { replacement: found.replacement }
  if (state === 'candidate') {
    const text = `${image} is a candidate: an alias may point at it after "mrg-image release ${image}".`
    throw precondition('WRONG_STATE', text, { state })
  }
  if (state === 'revoked') {
    throw precondition('WRONG_STATE', `${image} is revoked: ${advice}.`, { state, ...replacement })
  }
  if (storage === 'expired') {
    const text = `${image} has expired and its bytes are gone: ${advice}.`
    throw precondition('WRONG_STATE', text, { state: storage, ...replacement })
  }
}
