import { expect, test } from '@jest/globals'
import { mrgImage } from '../../cli/mrg.ts'
import { mrsImage } from '../../cli/mrs.ts'
import { problem } from '../../cli/problem.ts'
import { UsageError } from '../../cli/usage.ts'
import { missing, precondition, unavailable } from '../../lib/failure.ts'

const dead = unavailable('UNREACHABLE', 'Nothing answers.', { address: 'p:1' })

test('a failure is its message and what to do next, without a stack', () => {
  expect(problem(mrgImage, missing('ALIAS_NOT_FOUND', 'There is no alias x.'), false)).toEqual({
    exit: 1,
    text: 'mrg-image: There is no alias x.\n`mrg-image list aliases` shows them.',
  })
})

test('what the message said to do is not said again', () => {
  const text = 'There is no alias x; "mrg-image list aliases" shows those that there are.'
  expect(problem(mrgImage, missing('ALIAS_NOT_FOUND', text), false).text).toBe(`mrg-image: ${text}`)
})

test('what to do depends on the tool', () => {
  expect(problem(mrgImage, dead, false).text).toContain('merge-image portal')
  expect(problem(mrsImage, dead, false).text).toContain('merge-image agent')
})

test('a failure that names a replacement says to use it', () => {
  const revoked = precondition('REVOKED', 'It is revoked.', { replacement: 'debian-13' })
  expect(problem(mrgImage, revoked, false).text).toContain('Use debian-13 instead.')
})

test('a failure as JSON is its reason, message and metadata', () => {
  const { exit, text } = problem(mrgImage, dead, true)
  expect(exit).toBe(1)
  expect(JSON.parse(text)).toEqual({
    error: { reason: 'UNREACHABLE', message: 'Nothing answers.', metadata: { address: 'p:1' } },
  })
})

test('a wrong command line exits with 2 and says where to read on', () => {
  const error = new UsageError('FILE is missing', 'mrg-image publish --help')
  expect(problem(mrgImage, error, false)).toEqual({
    exit: 2,
    text: 'mrg-image: FILE is missing\nTry `mrg-image publish --help`.',
  })
})

test('a defect shows its stack and exits with 70', () => {
  const { exit, text } = problem(mrgImage, new TypeError('oops'), false)
  expect(exit).toBe(70)
  expect(text).toMatch(/TypeError: oops\n\s+at /)
})

test('what a server says cannot steer the terminal', () => {
  expect(problem(mrgImage, missing('NO_MATCH', 'a\u001b[2Jb'), false).text).not.toContain('\u001b')
})
