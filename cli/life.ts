import {
  ImageState,
  ImageStorage,
  MoveKind,
  type Image,
  type ImageMove,
} from '../proto/gen/merge/image/v1/image.ts'
import type { Paint } from './command.ts'
import { coloured } from './table.ts'
import { bytes, plain, share, time } from './units.ts'
import { word } from './words.ts'

/** Where an image stands in its life, and how it came there. */
export function standingFacts(paint: Paint, image: Image): (readonly [string, string])[] {
  const { state, storage, heldBack, replacement, undeleteTime, deprecateTime, move } = image
  const back = heldBack ? `, ${paint('yellow', 'held back')}` : ''
  const optional: readonly (readonly [string, string | undefined])[] = [
    ['Deprecated from', deprecateTime && time(deprecateTime)],
    ['Use instead', replacement],
    ['Moving', move && moveText(move)],
    ['Gone for good', undeleteTime && `${time(undeleteTime)}: until then it can be restored`],
    ['Changed', isPlain(image) ? undefined : changeText(image)],
  ]
  return [
    ['State', `${coloured(paint, word(ImageState, state))}${back}`],
    ['Storage', coloured(paint, word(ImageStorage, storage))],
    ...optional.flatMap(([name, value = '']) => (value === '' ? [] : [[name, value] as const])),
  ]
}

/** The same in a cell of a list; `-` where there is nothing to say. */
export function remarks(image: Image): string {
  const { heldBack, replacement, deprecateTime, move, reason } = image
  const parts = [
    heldBack ? 'held back' : '',
    deprecateTime === undefined ? '' : `deprecated from ${time(deprecateTime)}`,
    replacement === '' ? '' : `use ${replacement}`,
    move === undefined ? '' : moveText(move),
    isPlain(image) || reason === '' ? '' : plain(reason),
  ]
  return parts.filter((part) => part !== '').join('; ') || '-'
}

/** `back from the archive, 34 %, 0.4 GB of 1.2 GB` */
export function moveText({ kind, doneBytes, totalBytes, error }: ImageMove): string {
  const where = kind === MoveKind.MOVE_KIND_ARCHIVE ? 'to the archive' : 'back from the archive'
  const far = `${share(doneBytes, totalBytes)}, ${bytes(doneBytes)} of ${bytes(totalBytes)}`
  const parts = [where, totalBytes === 0n ? 'not begun' : far, error && `failed: ${plain(error)}`]
  return parts.filter((part) => part !== '').join(', ')
}

/** Of which nothing is to be said: released or a candidate, there, and not held back. */
function isPlain({ state, storage, heldBack, deprecateTime }: Image): boolean {
  const isUsual =
    state === ImageState.IMAGE_STATE_RELEASED || state === ImageState.IMAGE_STATE_CANDIDATE
  const isThere = storage === ImageStorage.IMAGE_STORAGE_PRESENT
  return isUsual && isThere && !heldBack && deprecateTime === undefined
}

function changeText({ changeTime, reason }: Image): string {
  return reason === '' ? time(changeTime) : `${time(changeTime)}: ${plain(reason)}`
}
