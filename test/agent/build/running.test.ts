import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { toolPath } from '../../../agent/build/toolpath.ts'
import type { Command } from '../../../agent/build/plan.ts'
import { run } from '../../../agent/build/running.ts'
import { makeTail } from '../../../agent/build/tail.ts'
import { processesWith } from '../../support/building.ts'
import { temporaryFolder } from '../../support/folder.ts'

const isRoot = process.getuid?.() === 0

async function said(script: string, more: Partial<Command> = {}, signal?: AbortSignal) {
  await using folder = await temporaryFolder()
  const parts: Buffer[] = []
  const command: Command = {
    ...{ kind: 'run', title: 'it', argv: ['sh', '-c', script], blame: 'SCRIPT' },
    ...more,
  }
  const deps = { folder: folder.path, environment: { PATH: toolPath, WHO: 'me' }, isRoot }
  const listen = (part: Buffer): void => void parts.push(part)
  await run(command, deps, listen, signal ?? new AbortController().signal)
  return Buffer.concat(parts).toString()
}

describe('a command', () => {
  test('says all that it says, in the order in which it says it', async () => {
    expect(await said('echo one; echo two >&2; echo three')).toBe('one\ntwo\nthree\n')
  })

  test('has an environment of its own, and nothing to read', async () => {
    expect(await said('echo $WHO; cat; env | grep -c . ', { environment: { MORE: '1' } })).toMatch(
      /^me\n[1-6]\n$/,
    )
  })

  test('sees no processes but its own', async () => {
    expect(Number(await said('ls /proc | grep -c "^[0-9]"'))).toBeLessThan(6)
  })

  test('that fails is told with its last words', async () => {
    await expect(said('echo before; echo why >&2; exit 7')).rejects.toMatchObject({
      blame: 'SCRIPT',
      message: 'it ended with 7. The last it said:\nbefore\nwhy',
    })
  })

  test('that cannot be found says so', async () => {
    await expect(said('', { argv: ['no-such-tool'] })).rejects.toMatchObject({ blame: 'SCRIPT' })
  })

  test('leaves no daemon behind when it ends', async () => {
    await said('setsid sleep 86411 </dev/null >/dev/null 2>&1 & sleep 0.1')
    expect(processesWith('sleep 86411')).toBe('')
  })

  test('is ended with all that it started, before that is told', async () => {
    const stop = new AbortController()
    const running = said('setsid sleep 86412 & sleep 86412', {}, stop.signal)
    await setTimeout(300)
    stop.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect(processesWith('sleep 86412')).toBe('')
  })
})

test('the last words are lines as they stand on a screen in the end', () => {
  const tail = makeTail(2)
  tail.add(Buffer.from('gone\n10 %\r20 %\r100 %\n\x1b[31mred\x1b[0m\r\n\n'))
  expect(tail.text()).toBe('100 %\nred')
})
