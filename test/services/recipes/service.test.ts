import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { putRecipe, run } from '../../support/builds.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { freshPortal, type Clients } from '../../support/portal.ts'
import { recipeText } from '../../support/recipes.ts'

describe('recipes', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let producer: Clients
  let manager: Clients

  beforeAll(async () => {
    portal = await freshPortal(() => new Date('2026-11-27T12:00:00Z'))
    await makeFacilities(portal.as('admin'), 'lab1')
    producer = portal.as('producer:alice')
    manager = portal.as('manager:lab1')
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const put = (name: string, text: string, more: { etag?: string; validateOnly?: boolean } = {}) =>
    producer.builds.putRecipe({
      ...{ requestId: randomUUID(), name, text, etag: '', validateOnly: false },
      ...more,
    })
  const get = async (name: string, version = 0) =>
    (await producer.builds.getRecipe({ name, version })).recipe
  const names = async (namespace = '') =>
    (
      await portal.as('admin').builds.listRecipes({ namespace, pageSize: 0, pageToken: '' })
    ).recipes.map(({ name }) => name)

  test('are kept in their versions', async () => {
    const first = await putRecipe(producer, 'kept', { notes: 'one' })
    expect(first).toMatchObject({
      version: 1,
      target: 'debian-13.0-std-x86',
      creator: 'producer:alice',
      nextTime: undefined,
    })
    const second = await putRecipe(producer, 'kept', { notes: 'two' })
    expect(second.version).toBe(2)
    expect(await get('kept', 1)).toMatchObject({ version: 1, text: first.text })
    expect(await get('kept')).toEqual(second)
  })

  test('keep their newest 20 versions, and each that a build is of', async () => {
    await putRecipe(producer, 'long', { notes: '1' })
    await putRecipe(producer, 'long', { notes: '2' })
    await run(producer, 'long')
    for (let i = 3; i <= 23; i++) await putRecipe(producer, 'long', { notes: String(i) })
    const gone = { kind: 'missing', reason: 'RECIPE_NOT_FOUND' }
    for (const version of [1, 3]) await expect(get('long', version)).rejects.toMatchObject(gone)
    for (const version of [2, 4, 23]) expect(await get('long', version)).toMatchObject({ version })
    const request = {
      requestId: randomUUID(),
      recipe: 'long',
      version: 3,
      force: false,
      reason: '',
    }
    await expect(producer.builds.runBuild(request)).rejects.toMatchObject(gone)

    await producer.builds.deleteRecipe({ requestId: randomUUID(), name: 'long', etag: '' })
    await expect(get('long', 22)).rejects.toMatchObject(gone)
    for (const version of [2, 23]) expect(await get('long', version)).toMatchObject({ version })
    expect((await putRecipe(producer, 'long', { notes: 'again' })).version).toBe(24)
  })

  test('lose no version that builds are queued of at that moment', async () => {
    await putRecipe(producer, 'busy', { notes: '1' })
    for (let i = 2; i <= 20; i++) await putRecipe(producer, 'busy', { notes: String(i) })
    for (let i = 21; i <= 35; i++) {
      const version = i - 20
      const request = { requestId: randomUUID(), recipe: 'busy', version, force: false, reason: '' }
      const [put, ran] = await Promise.allSettled([
        putRecipe(producer, 'busy', { notes: String(i) }),
        producer.builds.runBuild(request),
      ])
      expect(put.status).toBe('fulfilled')
      const gone = { reason: 'RECIPE_NOT_FOUND' }
      if (ran.status === 'rejected') {
        expect(ran.reason).toMatchObject(gone)
        await expect(get('busy', version)).rejects.toMatchObject(gone)
      } else expect(await get('busy', version)).toMatchObject({ version })
    }
  })

  test('of one facility do not fill the database', async () => {
    await using small = await freshPortal(undefined, undefined, [
      '--facility-recipe-bytes',
      '150000',
    ])
    await makeFacilities(small.as('admin'), 'lab1', 'lab2')
    const [lab1, lab2] = [small.as('manager:lab1'), small.as('manager:lab2')]
    const files = (letter: string) => `[{path: /etc/motd, content: ${letter.repeat(60_000)}}]`
    const large = (facility: string, letter: string) => ({
      line: `${facility}/debian-13-tools-x86`,
      files: files(letter),
    })
    await putRecipe(lab1, 'lab1/one', large('lab1', 'a'))
    await putRecipe(lab1, 'lab1/one', large('lab1', 'b'))
    await expect(putRecipe(lab1, 'lab1/two', large('lab1', 'c'))).rejects.toMatchObject({
      kind: 'exhausted',
      reason: 'RECIPES_FULL',
      facts: { limit: '150000' },
    })
    await putRecipe(lab2, 'lab2/one', large('lab2', 'a'))
    // Without a change it is no new version; and what nobody built goes with its recipe.
    expect((await putRecipe(lab1, 'lab1/one', large('lab1', 'b'))).version).toBe(2)
    const request = { requestId: randomUUID(), name: 'lab1/one', etag: '' }
    await lab1.builds.deleteRecipe(request)
    expect((await putRecipe(lab1, 'lab1/two', large('lab1', 'c'))).version).toBe(1)
  })

  test('have no new version where they say what they said', async () => {
    const first = await putRecipe(producer, 'same')
    const { recipe } = await put(
      'same',
      `# as before\n${first.text}notes: ""\n`.replace('notes: ""\n', ''),
    )
    expect(recipe).toEqual(first)
  })

  test('are listed by name until they are deleted, and go on where they were', async () => {
    await putRecipe(producer, 'gone-b')
    await putRecipe(producer, 'gone-a')
    expect((await names()).filter((name) => name.startsWith('gone'))).toEqual(['gone-a', 'gone-b'])
    const request = { requestId: randomUUID(), name: 'gone-a', etag: '' }
    const { recipe } = await producer.builds.deleteRecipe(request)
    expect(recipe?.deleteTime).toBeInstanceOf(Date)
    expect(await names()).not.toContain('gone-a')
    expect(await get('gone-a', 1)).toMatchObject({ version: 1 })
    const again = await putRecipe(producer, 'gone-a')
    expect(again).toMatchObject({ version: 2, deleteTime: undefined })
    expect(await names()).toContain('gone-a')
  })

  test('change only as they were read, if an etag says so', async () => {
    const { etag } = await putRecipe(producer, 'etag')
    const stale = { kind: 'conflict', reason: 'ETAG_MISMATCH' }
    await put('etag', recipeText({ notes: 'mine' }), { etag })
    await expect(put('etag', recipeText({ notes: 'late' }), { etag })).rejects.toMatchObject(stale)
    await expect(put('etag', recipeText(), { etag: 'new' })).rejects.toMatchObject(stale)
    expect((await put('brand-new', recipeText(), { etag: 'new' })).recipe?.version).toBe(1)
  })

  test('that are only validated are not kept', async () => {
    const { recipe } = await put('tried', recipeText(), { validateOnly: true })
    expect(recipe?.version).toBe(1)
    await expect(get('tried')).rejects.toMatchObject({ reason: 'RECIPE_NOT_FOUND' })
  })

  test.each([
    [
      'a field that nobody knows',
      recipeText({ sise: '2G' }),
      /line 5, column 1: .* did you mean `size`/,
    ],
    [
      'a release that nobody knows',
      recipeText({ line: 'debian-99-std-x86' }),
      /line 1, column 7: `line` cannot be built: .*99/,
    ],
    [
      'a role that is not in the catalogue',
      recipeText({ line: 'debian-13-tools-x86' }),
      /line 1, column 7: `line` cannot be built/,
    ],
    [
      'the line of somebody else',
      recipeText({ line: 'lab1/debian-13-std-x86' }),
      /line 1, column 7: `line` belongs to lab1, and the recipe's name to the portal/,
    ],
  ])('are refused for %s, with its line', async (_, text, message) => {
    await expect(put('refused', text)).rejects.toMatchObject({
      kind: 'invalid',
      reason: 'INVALID_RECIPE',
      message: expect.stringMatching(message),
    })
    await expect(get('refused')).rejects.toMatchObject({ reason: 'RECIPE_NOT_FOUND' })
  })

  test('are due by their schedules, and say when', async () => {
    const schedule = '{cron: 0 3 1 */3 *, time_zone: Europe/Berlin}'
    const recipe = await putRecipe(producer, 'quarterly', { schedule })
    expect(recipe).toMatchObject({
      cron: '0 3 1 */3 *',
      timeZone: 'Europe/Berlin',
      nextTime: new Date('2027-01-01T02:00:00Z'),
    })
    const preview = await producer.builds.previewSchedule({
      name: 'quarterly',
      count: 2,
      after: undefined,
    })
    expect(preview).toEqual({
      times: [new Date('2027-01-01T02:00:00Z'), new Date('2027-04-01T01:00:00Z')],
      timeZone: 'Europe/Berlin',
      paused: '',
    })
    const after = new Date('2030-01-02T00:00:00Z')
    const later = await producer.builds.previewSchedule({ name: 'quarterly', count: 0, after })
    expect(later.times).toHaveLength(10)
    expect(later.times[0]).toEqual(new Date('2030-04-01T01:00:00Z'))
  })

  test('of a facility are its own, with roles of its own', async () => {
    const recipe = await putRecipe(manager, 'lab1/tools', { line: 'lab1/debian-13-tools-x86' })
    expect(recipe.target).toBe('lab1/debian-13.0-tools-x86')
    expect(await names('lab1')).toEqual(['lab1/tools'])
    expect(await names()).not.toContain('lab1/tools')
  })

  test('of a facility that is not there are refused', async () => {
    const text = recipeText({ line: 'lab9/debian-13-std-x86' })
    const request = {
      requestId: randomUUID(),
      name: 'lab9/tools',
      text,
      etag: '',
      validateOnly: false,
    }
    await expect(portal.as('admin').builds.putRecipe(request)).rejects.toMatchObject({
      reason: 'FACILITY_NOT_FOUND',
    })
  })
})
