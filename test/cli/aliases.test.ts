import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { main } from '../../cli/main.ts'
import { mrgImage } from '../../cli/mrg.ts'
import { publish } from '../support/images.ts'
import { freshPortal } from '../support/portal.ts'
import { recordingHost } from './host.ts'

describe('on the command line, an alias', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  const first = 'debian-13.0-std-x86-20260615'
  const second = 'debian-13.1-std-x86-20260615'

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-06-15T12:00:00Z'))
    const producer = portal.as('producer')
    await publish(producer, 'debian-13', randomBytes(1000))
    await publish(producer, 'debian-13.1', randomBytes(1000))
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  async function mrg(...argv: readonly string[]) {
    const { host, out, err } = recordingHost(portal.address)
    return { exit: await main(mrgImage, argv, host), out: out.join('\n'), err: err.join('\n') }
  }

  test('is pointed at an image, shown and listed', async () => {
    const set = await mrg('set', 'alias', 'course', first, '--reason', 'new term')
    expect(set).toEqual({ exit: 0, out: `course is now ${first}.`, err: '' })
    const shown = await mrg('show', 'alias', 'course')
    expect(shown.out).toMatch(/Follows +-\nMoved .* by admin\nReason +new term\nEtag +1$/)
    const { out } = await mrg('list', 'aliases')
    expect(out).toMatch(/^Alias +Image +Follows +Moved +By +Reason\n/)
    expect(out).toContain(`course  ${first}  -`)
  })

  test('is moved only if it still has its etag', async () => {
    const { exit, err } = await mrg('set', 'alias', 'course', second, '--etag', '17')
    expect(exit).toBe(1)
    expect(err).toMatch(/^mrg-image: The alias course changed since you read it/)
  })

  test('can be tried first', async () => {
    const tried = await mrg('set', 'alias', 'course', second, '--dry-run')
    expect(tried.out).toBe(`course would be ${second}.`)
    expect((await mrg('show', 'alias', 'course')).out).toContain(first)
  })

  test('goes to an image or follows a line: one of the two', async () => {
    for (const more of [[], [first, '--follow', 'debian-13']]) {
      const { exit, err } = await mrg('set', 'alias', 'course', ...more)
      expect(exit).toBe(2)
      expect(err).toContain('say where to: IMAGE, or --follow LINE')
    }
  })

  test('follows a line, is rolled back, stays there, and is resumed', async () => {
    const tried = await mrg('set', 'alias', 'lts', '--follow', 'trixie', '--dry-run')
    expect(tried.out).toBe(
      `lts would be ${second}, and would move with each release of debian-13-std-x86.`,
    )
    await mrg('set', 'alias', 'lts', first)
    const followed = await mrg('set', 'alias', 'lts', '--follow', 'trixie')
    expect(followed.out).toBe(
      `lts is now ${second}, and moves with each release of debian-13-std-x86.`,
    )

    const plan = await mrg('rollback', 'alias', 'lts', '--dry-run')
    expect(plan.out).toBe(`lts would be ${first} again, and paused.`)
    const rolled = await mrg('rollback', 'alias', 'lts', '--reason', 'it does not boot')
    expect(rolled.out).toBe(
      `lts is ${first} again. It is paused: it follows debian-13-std-x86 no more, until \`mrg-image resume alias lts\`.`,
    )
    expect((await mrg('list', 'aliases')).out).toContain('debian-13-std-x86, paused')

    const resumed = await mrg('resume', 'alias', 'lts')
    expect(resumed.out).toBe(`lts follows debian-13-std-x86 again, and is now ${second}.`)
    expect((await mrg('show', 'alias', 'lts')).out).toMatch(/Follows +debian-13-std-x86\n/)
  })

  test('has a history, as a table or a document', async () => {
    const { out } = await mrg('history', 'lts')
    const lines = out.split('\n')
    expect(lines[0]).toMatch(/^Version +When +Who +How +Image +Why$/)
    expect(lines.slice(2).map((line) => line.replace(/ {2,}/g, ' ').split(' UTC ')[1])).toEqual([
      `admin resume ${second} -`,
      `admin rollback ${first} it does not boot`,
      `admin set ${second} -`,
      `admin set ${first} -`,
    ])
    const [newest] = JSON.parse((await mrg('history', 'lts', '--json')).out) as unknown[]
    expect(newest).toMatchObject({ version: 4, kind: 'resume', image: second })
  })

  test('goes back to any move of its history', async () => {
    expect((await mrg('rollback', 'alias', 'course', '--to', 'x')).exit).toBe(2)
    const { exit, err } = await mrg('rollback', 'alias', 'course', '--to', '9')
    expect(exit).toBe(1)
    expect(err).toContain('"mrg-image history course" shows all')
    await mrg('set', 'alias', 'course', second)
    const back = await mrg('rollback', 'alias', 'course', '--to', '1')
    expect(back.out).toBe(`course is ${first} again.`)
  })

  test('that cannot be resumed says what can be done', async () => {
    const { exit, err } = await mrg('resume', 'alias', 'course')
    expect(exit).toBe(1)
    expect(err).toBe(
      'mrg-image: course follows no line: "mrg-image set alias course --follow LINE" has it follow one.\n' +
        '`mrg-image show alias course` shows where it stands.',
    )
  })

  test('is deleted, and its history stays', async () => {
    const deleted = await mrg('delete', 'alias', 'course', '--reason', 'the term is over')
    expect(deleted.out).toBe(
      'course is deleted. `mrg-image history course` still shows where it pointed.',
    )
    const shown = await mrg('show', 'alias', 'course')
    expect(shown.err).toContain('The alias course was deleted by admin')
    expect((await mrg('history', 'course')).out).toMatch(/delete +- +the term is over/)
  })
})
