import { expect, test } from '@jest/globals'
import { lapsedImages } from '../../agent/lapsed.ts'
import { Image } from '../../proto/gen/merge/image/v1/image.ts'

const now = new Date('2026-06-15T12:00:00Z')

function own(name: string, expires: string | undefined): Image {
  const expireTime = expires === undefined ? undefined : new Date(expires)
  return Image.fromPartial({ name, custom: { facility: 'lab1', expireTime, shared: false } })
}

test('what has had its time and is not wanted is let go; nothing else is', () => {
  const over = own('lab1/over', '2026-06-15T11:59:59Z')
  const renewed = own('lab1/renewed', '2026-06-01T00:00:00Z')
  const young = own('lab1/young', '2026-09-01T00:00:00Z')
  const endless = own('lab1/endless', undefined)
  const portals = Image.fromPartial({ name: 'debian-13' })
  const wanted = [{ image: renewed }, { image: undefined }]
  expect(lapsedImages([over, renewed, young, endless, portals], wanted, now)).toEqual(['lab1/over'])
  expect(lapsedImages([], [], now)).toEqual([])
})
