import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { commandRecipe } from '../support/building.ts'

// Builds where everybody shows a certificate: the portal's own agent one of spiffe://DOMAIN/agent/portal.

interface BuildJson {
  readonly state: string
  readonly message: string
  readonly image: string
  readonly builder: string
}

describe('with certificates', () => {
  let testbed: Testbed
  const building = ['--build', 'command']
  const recipe = commandRecipe(
    ['head -c 300000 /dev/urandom >rootfs.raw', 'echo made it'],
    ['release: automatic'],
  )

  beforeAll(async () => {
    testbed = await startTestbed([])
    await testbed.mrg('new', 'facility', 'lab1')
  }, 120_000)

  afterAll(async () => {
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  async function file(name: string, text: string): Promise<string> {
    const path = join(testbed.folder, `${name}.yaml`)
    await writeFile(path, text)
    return path
  }

  test('the agent of the portal claims what its recipes queue, and publishes it to the portal', async () => {
    await testbed.startFacility('portal', [], building)
    await testbed.mrg('put', 'recipe', await file('tiny', recipe))
    const build = await testbed.mrg<BuildJson>('run', 'build', 'tiny', '--watch')
    expect(build).toMatchObject({ state: 'done', message: '' })
    expect(build.builder).toContain('agent:portal')
    const image = await testbed.mrg<{ creator: string; state: string }>('show', build.image)
    expect(image).toMatchObject({ creator: 'agent:portal', state: 'released' })
  }, 60_000)

  test('the agent of a facility builds for the facility, in its name', async () => {
    await testbed.startFacility('lab1', [], building)
    const own = recipe.replace('debian-13-std', 'lab1/debian-13-built')
    const build = await testbed.mrs<BuildJson>('lab1', 'build', await file('built', own))
    expect(build).toMatchObject({ state: 'done', message: '' })
    const image = await testbed.mrg<{ creator: string }>('show', build.image)
    expect(image).toMatchObject({ creator: 'agent:lab1' })
  }, 60_000)
})
