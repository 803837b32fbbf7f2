import { expect, test } from '@jest/globals'
import type { Ground } from '../../../services/resolver/answer.ts'
import type { Question } from '../../../services/resolver/question.ts'
import { rememberedAnswers } from '../../../services/resolver/remembered.ts'

const question: Question = {
  reference: 'ubuntu',
  arch: undefined,
  facility: '',
  availability: 'any',
  asOf: undefined,
  explain: false,
}

function aGround(now = '2026-06-15T12:00:00Z'): Ground {
  return { snapshot: {}, now: new Date(now) } as unknown as Ground
}

/** Works out another answer each time. */
function counting() {
  const remembered = rememberedAnswers()
  let count = 0
  return async (asked: Question, ground: Ground): Promise<string> => {
    const answer = await remembered(asked, ground, () =>
      Promise.resolve(Buffer.from(String(++count))),
    )
    return answer.toString()
  }
}

test('the same question is worked out once, as long as the world stays the same', async () => {
  const ask = counting()
  const ground = aGround()
  expect(await ask(question, ground)).toBe('1')
  expect(await ask({ ...question }, { ...ground })).toBe('1')
  expect(await ask({ ...question, reference: 'debian' }, ground)).toBe('2')
  expect(await ask({ ...question, arch: 'aarch64' }, ground)).toBe('3')
  expect(await ask(question, aGround())).toBe('4')
})

test('another day in UTC may end the life of a release', async () => {
  const ask = counting()
  const { snapshot } = aGround()
  const at = (now: string): Ground => ({ ...aGround(now), snapshot })
  expect(await ask(question, at('2026-06-15T00:00:00Z'))).toBe('1')
  expect(await ask(question, at('2026-06-15T23:59:59Z'))).toBe('1')
  expect(await ask(question, at('2026-06-16T00:00:00Z'))).toBe('2')
})

test.each([
  ['a facility', { facility: 'lab1' }],
  ['the past', { asOf: new Date('2026-06-01') }],
  ['why', { explain: true }],
])('what depends on %s is worked out each time', async (_, more) => {
  const ask = counting()
  const ground = aGround()
  expect(await ask({ ...question, ...more }, ground)).toBe('1')
  expect(await ask({ ...question, ...more }, ground)).toBe('2')
})

test('a failure is not remembered', async () => {
  const remembered = rememberedAnswers()
  const ground = aGround()
  const failing = remembered(question, ground, () => Promise.reject(new Error('lost')))
  await expect(failing).rejects.toThrow('lost')
  const answer = await remembered(question, ground, () => Promise.resolve(Buffer.from('found')))
  expect(answer.toString()).toBe('found')
})

test('what was being worked out while the world changed is not kept for the new one', async () => {
  const remembered = rememberedAnswers()
  const [before, after] = [aGround(), aGround()]
  const old = Promise.withResolvers<Buffer>()
  const asked = remembered(question, before, () => old.promise)
  await remembered({ ...question, reference: 'debian' }, after, () =>
    Promise.resolve(Buffer.from('debian')),
  )
  old.resolve(Buffer.from('old'))
  expect((await asked).toString()).toBe('old')
  const answer = await remembered(question, after, () => Promise.resolve(Buffer.from('new')))
  expect(answer.toString()).toBe('new')
})
