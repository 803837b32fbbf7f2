import { expect, test } from '@jest/globals'
import { makeTail } from '../../../agent/build/tail.ts'

test('what somebody said last has nothing that a terminal would obey or a database refuse', () => {
  const tail = makeTail()
  tail.add(Buffer.from('gone\n\x1b[31mred\x1b[0m\x00\x07 wire\r\n50 %\r100 %\n'))
  expect(tail.text().split('\n')).toEqual(['gone', 'red   wire', '100 %'])
})
