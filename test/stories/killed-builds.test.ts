import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sector, sectorWords } from '../../agent/build/sector.ts'
import { ListBuildsRequest, type Build } from '../../proto/gen/merge/image/v1/build.ts'
import { CheckKind, CheckOutcome } from '../../proto/gen/merge/image/v1/image.ts'
import { folderOf, startTestbed, type Testbed } from '../../testbed/testbed.ts'
import { commandRecipe, processesWith, startBuild, stateOf, watched } from '../support/building.ts'
import { until } from '../support/daemon.ts'
import { clientsAs, type Clients } from '../support/portal.ts'

/** KILLS=30 takes five minutes: docs/benchmarks.md has what came of it. */
const kills = Number(process.env['KILLS'] ?? 6)
const seed = Number(process.env['SEED'] ?? 20261128)

/** Each of those in mid-check is followed by another build. */
const checkKills = Math.ceil(kills / 3)

/** A number from 0 to 1 that the seed decides. */
function chance(i: number): number {
  return createHash('sha256').update(`${seed} ${i}`).digest().readUInt32BE() / 2 ** 32
}

/** Marks the processes of builds, so that those that are left are found. */
const mark = `left-${randomUUID()}`

/** Half a second of work, with a daemon that goes its own way, a mount and a log of some length. */
const recipe = commandRecipe(
  [
    `setsid sh -c ': ${mark}; sleep 600; :' </dev/null >/dev/null 2>&1 &`,
    'mkdir mounted; mount -t tmpfs tmpfs mounted',
    'for i in $(seq 1 20); do echo "line $i"; head -c 3000 /dev/urandom | base64; sleep 0.02; done',
    'head -c 30000000 /dev/urandom >rootfs.raw',
  ],
  ['limits: { attempts: 10 }'],
)

/** A boot sector that says a few words, in a disk of some size. */
const bootable = commandRecipe(
  [
    `echo ${sector().toString('base64')} | base64 -d >rootfs.raw`,
    'head -c 50000000 /dev/urandom >>rootfs.raw',
  ],
  [
    `checks: { boot: { marker: ${sectorWords}, within: 1m }, fsck: off, hygiene: off, packages: off }`,
    'boot: [bios]',
    'limits: { attempts: 10 }',
  ],
).replace('checks: { boot: off, fsck: off, hygiene: off, packages: off }\n', '')

describe('builds end once, with nothing left of them, whoever is killed', () => {
  let testbed: Testbed
  let admin: Clients
  let taken = 0

  beforeAll(async () => {
    testbed = await startTestbed([], { insecure: true })
    admin = clientsAs(testbed.portalAddress, 'admin')
    await testbed.startFacility('portal', [], ['--build', 'command'])
  }, 120_000)

  afterAll(async () => {
    admin[Symbol.dispose]()
    await testbed[Symbol.asyncDispose]()
  }, 60_000)

  const agent = () => {
    const running = testbed.facilities.get('portal')
    if (running === undefined) throw new Error('no agent')
    return running
  }
  const folder = (): string => join(testbed.folder, folderOf('portal'), 'builds')
  const restart = (): Promise<unknown> =>
    testbed.startFacility('portal', [], ['--build', 'command'])

  /** Begins a build, waits until its log says this, and a random while longer. */
  async function begin(words: string, mostMs: number, text = recipe): Promise<string> {
    const name = await startBuild(admin, 'tiny', text)
    let all = ''
    for await (const { log } of admin.builds.watchBuild({ name, logOffset: 0n })) {
      all += log.toString()
      if (all.includes(words)) break
    }
    await sleep(chance(taken++) * mostMs)
    return name
  }

  /** However it went, it has ended by now or will. */
  async function ended(name: string): Promise<Build> {
    for (let at = 0; ; at++) {
      try {
        return (await watched(admin, name)).build
      } catch (error) {
        if (at === 20) throw error
        await sleep(200)
      }
    }
  }

  async function nothingLeft(): Promise<void> {
    await until('the folder is empty', () => Promise.resolve(isEmpty(folder())))
    expect(processesWith(mark)).toBe('')
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder())
  }

  /** An agent that has just started may not have made it yet. */
  const isEmpty = (path: string): boolean => !existsSync(path) || readdirSync(path).length === 0

  /** Each build of these ended in one way, and no two made the same image. */
  async function tell(what: string, names: readonly string[]): Promise<void> {
    const counts: Record<string, number> = {}
    const made = new Set<string>()
    for (const name of names) {
      const { build } = await admin.builds.getBuild({ name })
      if (build === undefined) throw new Error(`${name} is gone`)
      const state = stateOf(build)
      const how = build.attempt > 1 ? `${state}, begun again` : state
      counts[how] = (counts[how] ?? 0) + 1
      expect(['done', 'failed', 'cancelled']).toContain(state)
      if (state === 'failed') expect(build.message).not.toBe('')
      expect(made.has(build.image)).toBe(false)
      made.add(build.image)
    }
    process.stdout.write(`${what}: ${JSON.stringify(counts)}, seed ${seed}\n`)
    const { builds } = await admin.builds.listBuilds(ListBuildsRequest.create({ pageSize: 1000 }))
    const done = builds.filter((build) => stateOf(build) === 'done').length
    const images = await testbed.mrg<unknown[]>('list', 'images')
    expect(images).toHaveLength(done)
  }

  test(`${kills} kills of the agent in mid-build`, async () => {
    const names: string[] = []
    let strays = 0
    for (let i = 0; i < kills; i++) {
      const name = await begin('== the command', 500)
      strays += processesWith(mark) === '' ? 0 : 1
      await agent().stop('SIGKILL')
      await until('processes end', () => Promise.resolve(processesWith(mark) === ''))
      await restart()
      expect(stateOf(await ended(name))).toBe('done')
      names.push(name)
      await nothingLeft()
    }
    expect(strays).toBeGreaterThan(0)
    await tell(`agent killed in mid-build, ${strays} times with a stray`, names)
  }, 600_000)

  test(`${kills} kills of the portal in mid-log`, async () => {
    const names: string[] = []
    for (let i = 0; i < kills; i++) {
      const name = await begin('== the command', 600)
      await testbed.portal.stop('SIGKILL')
      await testbed.restartPortal()
      expect(stateOf(await ended(name))).toBe('done')
      const { log } = await watched(admin, name)
      const lines = [...log.matchAll(/^line (\d+)$/gm)].map(([, line]) => Number(line))
      expect(lines).toEqual(Array.from({ length: 20 }, (_, line) => line + 1))
      names.push(name)
      await nothingLeft()
    }
    await tell('portal killed in mid-log', names)
  }, 600_000)

  test(`${kills} kills of the agent in mid-upload`, async () => {
    const names: string[] = []
    for (let i = 0; i < kills; i++) {
      const name = await begin('== publishing', 400)
      await agent().stop('SIGKILL')
      await restart()
      expect(stateOf(await ended(name))).toBe('done')
      names.push(name)
      await nothingLeft()
    }
    await tell('agent killed in mid-upload', names)
  }, 600_000)

  test(`${checkKills} kills of the agent while its image is checked`, async () => {
    const names: string[] = []
    let again = 0
    for (let i = 0; i < checkKills; i++) {
      const name = await begin('is there, as a candidate', 300, bootable)
      await agent().stop('SIGKILL')
      await until('the guest ends', () => Promise.resolve(processesWith(folder()) === ''))
      await restart()
      const { message, ...build } = await ended(name)
      expect(stateOf({ message, ...build })).toBe('done')
      names.push(name)
      // Unless the check was over in that moment.
      const next = /and (\S+) makes another one/.exec(message)?.[1]
      if (next !== undefined) {
        again++
        const { checks } = await ended(next)
        const boot = checks.find(({ kind }) => kind === CheckKind.CHECK_KIND_BOOT)
        expect(boot?.outcome).toBe(CheckOutcome.CHECK_OUTCOME_PASSED)
        names.push(next)
      }
      await nothingLeft()
    }
    expect(again).toBeGreaterThan(0)
    await tell(`agent killed in mid-check, ${again} built again`, names)
  }, 600_000)
})
