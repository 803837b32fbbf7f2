import '../../support/realm.ts'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { whoIs, type WhoSettings } from '../../../agent/identity/who.ts'
import { makeFacilities } from '../../support/facilities.ts'
import { securedPortal, type SecuredPortal } from '../../support/secured.ts'

describe('whose agent it is', () => {
  let portal: SecuredPortal
  let joined: string

  beforeAll(async () => {
    portal = await securedPortal()
    await makeFacilities(portal.admin, 'lab1')
    joined = join(portal.folder, 'lab1')
    await portal.join('lab1', joined)
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const who = (settings: Partial<WhoSettings>) =>
    whoIs(
      { insecureDev: false, data: joined, facility: undefined, portal: undefined, ...settings },
      new Date(),
    )

  test('is known from when it joined, and where its portal is', async () => {
    await expect(who({})).resolves.toMatchObject({ facility: 'lab1', portal: portal.address })
  })

  test('may be said again, and the portal may have moved', async () => {
    const said = { facility: 'lab1', portal: 'portal.example:7410' }
    await expect(who(said)).resolves.toMatchObject(said)
  })

  test('is not another’s than it joined as', async () => {
    await expect(who({ facility: 'lab2' })).rejects.toThrow('joined as lab1, and not as lab2')
  })

  test('has to be said by who did not join, and how to join is told', async () => {
    const data = join(portal.folder, 'nobody')
    for (const facility of [undefined, 'lab1']) {
      await expect(who({ data, facility })).rejects.toThrow('mrs-image join HOST:PORT TOKEN')
    }
    await expect(who({ data, insecureDev: true })).rejects.toThrow('say whose agent this is')
  })
})
