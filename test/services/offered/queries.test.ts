import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { freshDatabase } from '../../support/database.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { publish, restate } from '../../support/images.ts'
import { ask, askJson, mixedDisk, untilNotOffered, untilOffered } from '../../support/offered.ts'
import { freshPortal } from '../../support/portal.ts'

const disk = mixedDisk()

test.each([{ state: 'revoked' }, { state: 'deprecated' }, { storage: 'archived' }])(
  'an image that becomes %j is not on offer any more, nor are its bytes',
  async (change) => {
    await using portal = await freshPortal(undefined, undefined, ['--offer', '127.0.0.1:0'])
    const image = await publish(portal.as('producer'), 'debian-13', disk)
    await untilOffered(portal.offered, image)
    const path = `/images/${image}/rootfs`
    expect((await ask(portal.offered, path, { method: 'HEAD' })).status).toBe(200)
    await restate(portal.sql, image, change)
    await untilNotOffered(portal.offered, image)
    expect((await ask(portal.offered, path)).status).toBe(404)
    expect(await askJson(portal.offered, '/v2/_catalog')).toEqual({ repositories: [] })
  },
)

test('a portal that starts again need not read its images for their digests', async () => {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await freshDatabase())
  const folder = stack.use(await temporaryFolder())
  const flags = ['--offer', '127.0.0.1:0', '--data', join(folder.path, 'one')]
  const portal = await freshPortal(undefined, database, flags)
  const image = await publish(portal.as('producer'), 'debian-13', disk)
  await untilOffered(portal.offered, image)
  const before = await ask(portal.offered, '/v2/debian-13-std-x86/manifests/latest')
  await portal[Symbol.asyncDispose]()
  await using again = await freshPortal(undefined, database, flags)
  const after = await ask(again.offered, '/v2/debian-13-std-x86/manifests/latest')
  expect(after.body.equals(before.body)).toBe(true)
})
