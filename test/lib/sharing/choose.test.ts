import { describe, expect, test } from '@jest/globals'
import { choosePiece, mostFromPortal, type OpenPiece } from '../../../lib/sharing/choose.ts'

const piece = (number: number, place: number, isAtPeers = false): OpenPiece => ({
  piece: { number, digests: [] },
  place,
  isAtPeers,
})

const [mine, next, theirs, given] = [piece(4, 0), piece(5, 0), piece(6, 1), piece(7, 2, true)]

function chosen(
  open: readonly OpenPiece[],
  more: Partial<Parameters<typeof choosePiece>[0]> = {},
): number | undefined {
  const standing = { isShared: true, fromPortal: 0, ownDoneAt: undefined, startedAt: 0, now: 0 }
  return choosePiece({ open, ...standing, ...more })?.piece.number
}

describe('who fetches an image', () => {
  test('alone takes it from the front, whoever had it once', () => {
    expect(chosen([theirs, mine], { isShared: false, fromPortal: 9 })).toBe(6)
  })

  test('with others takes pieces of its own first: they wait for these', () => {
    expect(chosen([given, mine, next])).toBe(4)
  })

  test('takes pieces that others have while enough is on its way from the portal', () => {
    expect(chosen([mine, next, theirs, given], { fromPortal: mostFromPortal })).toBe(7)
  })

  test('does not ask the portal for its own piece if another has it already', () => {
    expect(chosen([piece(1, 0, true), piece(2, 0)])).toBe(2)
    expect(chosen([piece(1, 0, true)])).toBe(1)
  })

  test('waits for what belongs to others', () => {
    expect(chosen([theirs])).toBeUndefined()
    expect(chosen([theirs], { now: 1e9 })).toBeUndefined()
    expect(chosen([theirs], { ownDoneAt: 4000, now: 4000 })).toBeUndefined()
  })

  test('takes over what is late by half of what its own took and two seconds, down the line', () => {
    const [first, second] = [piece(8, 1), piece(9, 2)]
    const after = (now: number) => chosen([first, second], { ownDoneAt: 4000, now })
    expect(after(7900)).toBeUndefined()
    expect(after(8000)).toBe(8)
    expect(after(11_900)).toBe(8)
    expect(after(12_000)).toBe(9)
  })

  test('takes over from the end, where whoever should have taken them is last', () => {
    const late = [piece(10, 1), piece(11, 1), piece(12, 1)]
    expect(chosen(late, { ownDoneAt: 0, now: 5000 })).toBe(12)
    expect(chosen(late, { ownDoneAt: 0, now: 5000, fromPortal: mostFromPortal })).toBeUndefined()
  })
})
