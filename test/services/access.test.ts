import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Failure } from '../../lib/failure.ts'
import { makeFacilities } from '../support/facilities.ts'
import { freshPortal, type Clients } from '../support/portal.ts'
import { callers, facilityOf, may, places, type Row, type Who } from './rows.ts'
import { table } from './table.ts'

/** Whether the call gets past the gate, whatever becomes of it then. */
async function passes(result: ReturnType<Row['call']>): Promise<boolean> {
  try {
    await first(result)
    return true
  } catch (error) {
    if (!(error instanceof Failure) || error.kind === 'internal') throw error
    return error.reason !== 'NOT_ALLOWED'
  }
}

describe('who may call what', () => {
  let portal: Awaited<ReturnType<typeof freshPortal>>
  let clients: Record<Who, Clients>

  beforeAll(async () => {
    portal = await freshPortal()
    const { as } = portal
    await makeFacilities(as('admin'), 'lab1', 'lab2')
    clients = {
      admin: as(callers.admin),
      producer: as(callers.producer),
      experimenter: as(callers.experimenter),
      manager: as(callers.manager),
      agent: as(callers.agent),
      builder: as(callers.builder),
      guest: as(callers.guest),
      joiner: as(callers.joiner),
    }
  })

  afterAll(() => portal[Symbol.asyncDispose]())

  const cells = Object.entries(table).flatMap(([service, methods]) =>
    Object.entries(methods as Record<string, Row>).flatMap(([method, { call, may: where }]) =>
      (Object.keys(callers) as Who[]).map((who) => ({
        title: `${service}.${method} as ${who}: ${where[who]}`,
        who,
        call,
        where: may[where[who]] as readonly string[],
      })),
    ),
  )

  test.each(cells)('$title', async ({ who, call, where }) => {
    const found = []
    for (const place of places) {
      if (await passes(call(clients[who], facilityOf[place]))) found.push(place)
    }
    expect(found).toEqual(where)
  })

  test('a caller that does not say who it is in a known way calls nothing', async () => {
    const nobody = portal.as('root')
    const told = { kind: 'unidentified', reason: 'NOT_IDENTIFIED' }
    for (const methods of Object.values(table) as Record<string, Row>[]) {
      for (const { call } of Object.values(methods)) {
        await expect(first(call(nobody, 'lab1'))).rejects.toMatchObject(told)
      }
    }
  })
})

async function first(result: ReturnType<Row['call']>): Promise<void> {
  if (Symbol.asyncIterator in result) for await (const _ of result) break
  else await result
}
